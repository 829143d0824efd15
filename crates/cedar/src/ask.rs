//! Asks Cedar about a request, question by question.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request, Response,
    RestrictedExpression,
};
use kith_domain::{
    Actor, Agent, Audience, Catalog, Entity as Of, Field, FieldIdx, Lifecycle, MaskKind, Member,
    Principal, Purpose, Timestamp, Value,
};
use kith_policy::{Row, State, Subject};

use crate::Rendered;
use crate::render::{OWN_MASK, level};

/// What Cedar says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the bound rows exist for the caller.
    pub exists: bool,
    /// Whether the purpose is allowed.
    pub allowed: bool,
    /// What each field is, parallel to the catalog.
    pub states: Vec<State>,
}

/// Cedar did not answer: a fault of the rendering.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cedar: {0}")]
pub struct Fault(String);

impl Fault {
    fn of(error: impl std::error::Error) -> Self {
        Self(error.to_string())
    }
}

/// Cedar with the policies and the catalog of one version.
#[derive(Debug)]
pub struct Peer {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    /// Each field with its masks in Cedar's words, and the event that it is a property of.
    fields: Vec<(EntityUid, MaskKind, Option<FieldIdx>)>,
}

/// One side of a request.
struct Side<'a> {
    purpose: Purpose,
    user: Option<&'a Member>,
    agent: Option<&'a Agent>,
}

impl Peer {
    /// Reads rendered policies.
    ///
    /// # Errors
    /// Text that is not Cedar's.
    pub fn new(catalog: &Catalog, rendered: &Rendered) -> Result<Self, Fault> {
        let policies = rendered.policies.parse::<PolicySet>().map_err(Fault::of)?;
        let mut fields = Vec::new();
        let mut entities = actions()?;
        for (idx, field) in catalog.iter() {
            let properties = |event: &&kith_domain::catalog::Event| {
                let mut properties = event.properties.iter();
                properties.any(|(_, property)| *property == idx)
            };
            let event = catalog.events().iter().find(properties);
            let uid = uid("Field", field.path.as_str())?;
            entities.push(entity(uid.clone(), field)?);
            fields.push((uid, field.mask, event.map(|event| event.occurrence)));
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            policies,
            entities: Entities::from_entities(entities, None).map_err(Fault::of)?,
            fields,
        })
    }

    /// Decides one request.
    ///
    /// # Errors
    /// A policy that faults: Cedar would skip it.
    pub fn decide(
        &self,
        catalog: &Catalog,
        actor: &Actor,
        purpose: Purpose,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Result<Answer, Fault> {
        let mut answer = Answer {
            exists: true,
            allowed: true,
            states: vec![State::Visible; self.fields.len()],
        };
        for side in sides(actor, purpose) {
            let context = context(catalog, &side, subject, now)?;
            let ask = |namespace: &str, resource: &EntityUid| {
                let action = uid(&format!("{namespace}Action"), side.purpose.as_str())?;
                self.ask(action, resource, context.clone())
            };
            let allows = |namespace: &str, resource: &EntityUid| -> Result<_, Fault> {
                Ok(ask(namespace, resource)?.decision() == Decision::Allow)
            };
            answer.allowed &= allows("", &uid("Row", "subject")?)?;
            answer.exists &= allows("Find::", &uid("Row", "subject")?)?;
            for entity in Of::ALL.into_iter().filter(|entity| binds(subject, *entity)) {
                answer.exists &= allows("Find::", &uid("Row", entity.as_str())?)?;
            }
            let mut own = Vec::new();
            for (field, mask, _) in &self.fields {
                own.push(if allows("See::", field)? {
                    self.masked(&ask("Mask::", field)?, *mask)?
                } else {
                    State::Hidden
                });
            }
            for (((_, _, event), state), met) in
                self.fields.iter().zip(&own).zip(&mut answer.states)
            {
                let event = event.and_then(|event| own.get(event.index()).copied());
                *met = met.meet(*state).meet(event.unwrap_or(State::Visible));
            }
        }
        Ok(answer)
    }

    fn ask(
        &self,
        action: EntityUid,
        resource: &EntityUid,
        context: Context,
    ) -> Result<Response, Fault> {
        let who = uid("Side", "asker")?;
        let request = Request::new(who, action, resource.clone(), context, None);
        let request = request.map_err(Fault::of)?;
        let response = self
            .authorizer
            .is_authorized(&request, &self.policies, &self.entities);
        let fault = response
            .diagnostics()
            .errors()
            .next()
            .map(ToString::to_string);
        fault.map_or(Ok(response), |fault| Err(Fault(fault)))
    }

    /// The state of a field that is seen, given the masks that apply.
    fn masked(&self, masks: &Response, own: MaskKind) -> Result<State, Fault> {
        let mut state = State::Visible;
        if masks.decision() == Decision::Deny {
            return Ok(state);
        }
        for policy in masks.diagnostics().reason() {
            let kind = match self.policies.annotation(policy, "mask") {
                Some(OWN_MASK) => Some(own),
                Some(kind) => kind.parse().ok(),
                None => None,
            };
            let kind = kind.ok_or_else(|| Fault(format!("`{policy}` masks with nothing")))?;
            state = state.meet(State::Masked(kind));
        }
        Ok(state)
    }
}

/// The agent under its purpose, and the member alone under the purpose that it serves.
fn sides(actor: &Actor, purpose: Purpose) -> Vec<Side<'_>> {
    let user = actor.member().map(|member| &**member);
    let agent = actor.agent().map(|agent| &**agent);
    let mut sides = vec![Side {
        purpose,
        user,
        agent,
    }];
    let is_served = matches!(
        purpose.audience(),
        Some(Audience::Ai | Audience::Automation)
    );
    if user.is_some() && (is_served || matches!(actor.principal, Principal::Agent(_))) {
        sides.push(Side {
            purpose: purpose.served(),
            user,
            agent: None,
        });
    }
    sides
}

/// Whether a limit on an entity speaks of this subject: subscriptions and roles are an account's.
fn binds(subject: &Subject<'_>, entity: Of) -> bool {
    let of_account = [Of::Account, Of::Subscription, Of::Role];
    match entity {
        Of::Account => of_account.iter().any(|of| subject.row(*of).is_some()),
        other => subject.row(other).is_some(),
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Fault> {
    let kind = kind.parse().map_err(Fault::of)?;
    Ok(EntityUid::from_type_name_and_id(
        kind,
        id.parse().map_err(Fault::of)?,
    ))
}

/// The purposes, each in the groups that policies name.
fn actions() -> Result<Vec<Entity>, Fault> {
    let mut actions = Vec::new();
    for purpose in Purpose::ALL {
        for namespace in ["Find::Action", "Mask::Action", "See::Action"] {
            let mut groups = HashSet::from([uid(namespace, "any")?]);
            if let Some(audience) = purpose.audience() {
                groups.insert(uid(namespace, "audience")?);
                groups.insert(uid(namespace, &format!("{audience:?}"))?);
            }
            let action = uid(namespace, purpose.as_str())?;
            actions.push(Entity::new_no_attrs(action, groups));
        }
    }
    Ok(actions)
}

fn entity(uid: EntityUid, field: &Field) -> Result<Entity, Fault> {
    let path = field.path.as_str();
    let mut parents = HashSet::new();
    for (end, _) in path.match_indices('.') {
        parents.insert(self::uid("Under", path.get(..end).unwrap_or_default())?);
    }
    for tag in &field.tags {
        parents.insert(self::uid("Tag", tag)?);
    }
    let audiences = field.safe_for.iter();
    let safe_for = audiences.map(|audience| text(&format!("{audience:?}")));
    let sensitivity = i64::try_from(level(field.sensitivity)).map_err(Fault::of)?;
    let is_draft = field.lifecycle == Lifecycle::Draft;
    let attributes = HashMap::from([
        (
            "safeFor".to_owned(),
            RestrictedExpression::new_set(safe_for),
        ),
        (
            "sensitivity".to_owned(),
            RestrictedExpression::new_long(sensitivity),
        ),
        ("draft".to_owned(), RestrictedExpression::new_bool(is_draft)),
    ]);
    Entity::new(uid, attributes, parents).map_err(Fault::of)
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn record<'a>(
    of: impl IntoIterator<Item = (&'a str, RestrictedExpression)>,
) -> Result<RestrictedExpression, Fault> {
    let pairs = of.into_iter().map(|(key, value)| (key.to_owned(), value));
    RestrictedExpression::new_record(pairs).map_err(Fault::of)
}

/// Who asks, why, when and with which proof, and the bound rows.
fn context(
    catalog: &Catalog,
    side: &Side<'_>,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Result<Context, Fault> {
    let proof = subject.signed_identity;
    let kind = side.agent.map_or("none", |agent| agent.kind.as_str());
    let mut pairs = vec![
        ("now", RestrictedExpression::new_long(now.micros())),
        ("purpose", text(side.purpose.as_str())),
        ("agentKind", text(kind)),
        (
            "signedIdentity",
            RestrictedExpression::new_bool(proof.proven),
        ),
    ];
    if let Some(method) = proof.method.filter(|_| proof.proven) {
        pairs.push(("method", text(method.as_str())));
    }
    if let Some(agent) = side.agent {
        let agent = [
            ("id", text(&agent.id.to_string())),
            ("name", text(&agent.name)),
        ];
        pairs.push(("agent", record(agent)?));
    }
    if let Some(user) = side.user {
        let set = |words: &std::collections::BTreeSet<std::sync::Arc<str>>| {
            RestrictedExpression::new_set(words.iter().map(|word| text(word)))
        };
        let user = [
            ("id", text(&user.id.to_string())),
            ("name", text(&user.name)),
            ("roles", set(&user.roles)),
            ("teams", set(&user.teams)),
            ("sites", set(&user.sites)),
            ("regions", set(&user.regions)),
        ];
        pairs.push(("user", record(user)?));
    }
    for entity in Of::ALL {
        if let Some(row) = subject.row(entity) {
            pairs.push((entity.as_str(), values(catalog, entity, row)?));
        }
    }
    let pairs = pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    Context::from_pairs(pairs).map_err(Fault::of)
}

fn values(catalog: &Catalog, entity: Of, row: &Row) -> Result<RestrictedExpression, Fault> {
    let mut pairs = Vec::new();
    for (idx, field) in catalog.iter().filter(|(_, field)| field.entity == entity) {
        if let Some(value) = row.get(idx) {
            pairs.push((field.path.key(), self::value(value)?));
        }
    }
    record(pairs)
}

fn value(of: &Value) -> Result<RestrictedExpression, Fault> {
    Ok(match of {
        Value::Bool(value) => RestrictedExpression::new_bool(*value),
        Value::Int(number) => RestrictedExpression::new_long(*number),
        Value::Decimal(number) => {
            let micros = RestrictedExpression::new_long(number.micros);
            match number.currency {
                None => micros,
                Some(currency) => record([
                    ("micros", micros),
                    ("currency", text(&currency.to_string())),
                ])?,
            }
        }
        Value::String(value) => text(value),
        Value::Timestamp(at) => RestrictedExpression::new_long(at.micros()),
        Value::Duration(micros) => RestrictedExpression::new_long(*micros),
        Value::Strings(texts) => RestrictedExpression::new_set(texts.iter().map(|of| text(of))),
    })
}
