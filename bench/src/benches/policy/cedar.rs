//! The same policies for Cedar, written so that one request gives the whole state of a field: the
//! statements that lower a field forbid, and the answer names those that did.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt::Display;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, Policy, PolicyId, PolicySet,
    Request, Response, RestrictedExpression,
};
use kith_policy::State;

use super::accounts::{Account, Plain};
use super::by_hand::Verdict;
use super::condition::{Condition, Known, quoted};
use super::workload::{CLASSES, Cell, Effect, KINDS, Statement, class, round, scaled};

/// Cedar with the policies, the rows and the classes of fields.
pub(super) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    /// What each policy lowers a field to.
    lowers: HashMap<PolicyId, State>,
    entities: Entities,
    /// For each row, a question for each class.
    states: Vec<Vec<Request>>,
    /// For each row, whether it exists, and whether the purpose is allowed on it.
    verdicts: Vec<[Request; 2]>,
}

impl Cedar {
    pub(super) fn new(rounds: i64, accounts: &[Account]) -> Result<Self, Box<dyn Error>> {
        let mut policies = PolicySet::new();
        let mut lowers = HashMap::new();
        for (number, (lowers_to, text)) in texts(rounds).into_iter().enumerate() {
            let id = PolicyId::new(format!("p{number}"));
            policies.add(Policy::parse(Some(id.clone()), text)?)?;
            lowers.extend(lowers_to.map(|state| (id, state)));
        }
        let mut entities = vec![user()?];
        for place in 0..CLASSES {
            let (kinds, is_restricted) = class(place);
            let parents = kinds.iter().map(|kind| uid("Tag", &kind));
            let restricted = RestrictedExpression::new_bool(is_restricted);
            entities.push(Entity::new(
                uid("Class", &place)?,
                HashMap::from([("restricted".to_owned(), restricted)]),
                parents.collect::<Result<_, _>>()?,
            )?);
        }
        for (place, account) in accounts.iter().enumerate() {
            entities.push(row(place, account)?);
        }
        let request = |row, action: &str, resource| -> Result<_, Box<dyn Error>> {
            let account = RestrictedExpression::new_entity_uid(uid("Account", &row)?);
            let context = Context::from_pairs([("account".to_owned(), account)])?;
            let action = uid("Action", &action)?;
            Ok(Request::new(
                uid("User", &"sam")?,
                action,
                resource,
                context,
                None,
            )?)
        };
        let states = (0..accounts.len()).map(|row| {
            let classes = 0..CLASSES;
            classes
                .map(|class| request(row, "see", uid("Class", &class)?))
                .collect::<Result<_, _>>()
        });
        let verdicts = (0..accounts.len()).map(|row| -> Result<_, Box<dyn Error>> {
            let ask = |action| request(row, action, uid("Account", &row)?);
            Ok([ask("find")?, ask("view")?])
        });
        Ok(Self {
            authorizer: Authorizer::new(),
            policies,
            lowers,
            entities: Entities::from_entities(entities, None)?,
            states: states.collect::<Result<_, Box<dyn Error>>>()?,
            verdicts: verdicts.collect::<Result<_, _>>()?,
        })
    }

    /// The state of each of these, in order.
    pub(super) fn states(&self, of: &[Cell], states: &mut Vec<State>) {
        states.clear();
        states.extend(of.iter().map(|cell| {
            let request = self
                .states
                .get(cell.row)
                .and_then(|row| row.get(cell.class));
            request.map_or(State::Hidden, |request| self.state(&self.ask(request)))
        }));
    }

    pub(super) fn verdict(&self, row: usize) -> Verdict {
        let allows = |request| self.ask(request).decision() == Decision::Allow;
        let verdict = self.verdicts.get(row).map(|[find, view]| Verdict {
            exists: allows(find),
            allowed: allows(view),
        });
        verdict.unwrap_or_default()
    }

    /// Whether every question was answered without a fault.
    pub(super) fn is_sound(&self) -> bool {
        let mut all = self
            .states
            .iter()
            .flatten()
            .chain(self.verdicts.iter().flatten());
        all.all(|request| self.ask(request).diagnostics().errors().next().is_none())
    }

    fn ask(&self, request: &Request) -> Response {
        self.authorizer
            .is_authorized(request, &self.policies, &self.entities)
    }

    fn state(&self, response: &Response) -> State {
        if response.decision() == Decision::Allow {
            return State::Visible;
        }
        let lowered = response.diagnostics().reason();
        let lowered = lowered.filter_map(|id| self.lowers.get(id).copied());
        lowered.reduce(State::meet).unwrap_or(State::Hidden)
    }
}

/// Each policy, and what it lowers a field to.
fn texts(rounds: i64) -> Vec<(Option<State>, String)> {
    let mut policies = vec![
        (
            None,
            r#"permit(principal, action in [Action::"see", Action::"find"], resource);"#.to_owned(),
        ),
        (
            Some(State::Hidden),
            "forbid(principal, action, resource) unless { context.account has region && \
             principal.regions.contains(context.account.region) };"
                .to_owned(),
        ),
        (
            None,
            r#"permit(principal, action == Action::"view", resource) when {
            principal.roles.contains("support") && context.account has plan &&
            context.account.plan != "internal" };"#
                .to_owned(),
        ),
    ];
    let mut shown = Vec::new();
    for number in 0..rounds {
        for (statement, kind) in round(number).iter().zip(0..KINDS) {
            let tagged = format!("resource in Tag::\"{kind}\"");
            match statement.effect {
                Effect::Show => shown.push(format!("{tagged} && ({})", known(statement))),
                effect => policies.push((
                    Some(lowered(effect)),
                    format!(
                        "forbid(principal, action == Action::\"see\", {tagged}) unless {{ {} }};",
                        known(statement)
                    ),
                )),
            }
        }
    }
    let shown = shown.join(" || ");
    let hidden = "forbid(principal, action == Action::\"see\", resource)";
    let hidden = format!("{hidden} when {{ resource.restricted && !({shown}) }};");
    policies.push((Some(State::Hidden), hidden));
    policies
}

const fn lowered(effect: Effect) -> State {
    match effect {
        Effect::Mask(kind) => State::Masked(kind),
        Effect::Hide | Effect::Show => State::Hidden,
    }
}

/// What must be known for the statement to grant, or not to restrict.
fn known(statement: &Statement) -> String {
    let lists = statement.condition.known(statement.is_settled_by());
    let lists = lists.iter().map(|list| {
        let tests: Vec<_> = list.iter().map(test).collect();
        format!("({})", tests.join(" && "))
    });
    lists.collect::<Vec<_>>().join(" || ")
}

fn test((condition, wanted): &Known<'_>) -> String {
    let not = if *wanted { "" } else { "!" };
    let (field, test) = match condition {
        Condition::Is(field, text) => (
            field,
            format!("{not}(context.account.{field} == \"{text}\")"),
        ),
        Condition::In(field, texts) => (
            field,
            format!(
                "{not}([{}].contains(context.account.{field}))",
                quoted(texts)
            ),
        ),
        Condition::Above(field, bound) => {
            let bound = scaled(field, *bound);
            (field, format!("{not}(context.account.{field} > {bound})"))
        }
        Condition::Below(field, bound) => {
            let bound = scaled(field, *bound);
            (field, format!("{not}(context.account.{field} < {bound})"))
        }
        Condition::Flag(field, value) => {
            (field, format!("{not}(context.account.{field} == {value})"))
        }
        Condition::Absent(field) => {
            let there = if *wanted { "!" } else { "" };
            return format!("{there}(context.account has {field})");
        }
        Condition::Role(role) => return format!("{not}principal.roles.contains(\"{role}\")"),
        Condition::Not(_) | Condition::All(_) | Condition::Any(_) => return "false".to_owned(),
    };
    format!("(context.account has {field} && {test})")
}

fn uid(kind: &str, id: &dyn Display) -> Result<EntityUid, Box<dyn Error>> {
    Ok(format!("{kind}::\"{id}\"").parse()?)
}

fn user() -> Result<Entity, Box<dyn Error>> {
    let set = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned());
        RestrictedExpression::new_set(words.map(RestrictedExpression::new_string))
    };
    let attributes = HashMap::from([
        ("roles".to_owned(), set(&["support"])),
        ("regions".to_owned(), set(&["eu", "us", "apac"])),
    ]);
    Ok(Entity::new(
        uid("User", &"sam")?,
        attributes,
        HashSet::new(),
    )?)
}

fn row(place: usize, account: &Account) -> Result<Entity, Box<dyn Error>> {
    let values = account.values().into_iter().filter_map(|(key, value)| {
        let value = match value? {
            Plain::Text(text) => RestrictedExpression::new_string(text.to_owned()),
            Plain::Number(number) => RestrictedExpression::new_long(number),
            Plain::Flag(flag) => RestrictedExpression::new_bool(flag),
        };
        Some((key.to_owned(), value))
    });
    Ok(Entity::new(
        uid("Account", &place)?,
        values.collect(),
        HashSet::new(),
    )?)
}
