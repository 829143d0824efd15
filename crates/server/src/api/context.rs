//! `POST /v1/context`: the governed context of one customer. `POST /v1/explain`: what the policy
//! decides about it and why, without any value.

use axum::Json;
use axum::extract::State;
use kith_auth::end_user::IdentityToken;
use kith_domain::id::{AccountId, PersonId};
use kith_domain::{Identifier, IdentifierType, RootKind};
use kith_engine::{Context, ContextRequest, Explanation, Governed, MemberRef, RootRef, SubjectRef};
use serde_json::Value;

use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Part, Whole, parse};
use crate::problem::Problem;

/// Answers fields in their governed form, after the audit entry is committed.
pub(crate) async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Whole(body): Whole,
) -> Result<Json<Governed<Context>>, Problem> {
    let object = parse(&body)?;
    let mut faults = Faults::default();
    let root = Part::root(&object);
    root.only_keys(&mut faults, REQUEST_KEYS);
    let request = read_request(&root, &mut faults);
    let request = faults.finish(request)?;
    Ok(Json(app.engine.context(&caller, request).await?))
}

/// Answers states and reasons, after the audit entry is committed.
pub(crate) async fn explain(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Whole(body): Whole,
) -> Result<Json<Governed<Explanation>>, Problem> {
    let object = parse(&body)?;
    let mut faults = Faults::default();
    let root = Part::root(&object);
    root.only_keys(&mut faults, &[REQUEST_KEYS, &["fields"]].concat());
    let fields = root.texts(&mut faults, "fields");
    let request = read_request(&root, &mut faults);
    let request = faults.finish(request)?;
    Ok(Json(app.engine.explain(&caller, request, fields).await?))
}

/// What a question about a customer is made of.
const REQUEST_KEYS: &[&str] = &["purpose", "subject", "onBehalfOf", "identityToken"];

fn read_request(root: &Part<'_>, faults: &mut Faults) -> Option<ContextRequest> {
    let purpose = root.required(faults, "purpose");
    let subject = read_subject(root, faults);
    let on_behalf_of = root.text(faults, "onBehalfOf").map(MemberRef::from);
    let identity_token = read_token(root, faults);
    let (purpose, subject) = purpose.zip(subject)?;
    Some(ContextRequest {
        purpose,
        subject,
        on_behalf_of,
        identity_token,
    })
}

fn read_subject(root: &Part<'_>, faults: &mut Faults) -> Option<SubjectRef> {
    let Some(subject) = root.object(faults, "subject", "subject") else {
        if root.raw("subject").is_none() {
            faults.add(
                "subject",
                "required, expected `{\"person\": …}`, `{\"account\": …}` or both",
            );
        }
        return None;
    };
    subject.only_keys(faults, &["person", "account"]);
    let person = read_root::<PersonId>(
        &subject,
        faults,
        "person",
        "subject.person",
        RootKind::Person,
    );
    let account = read_root::<AccountId>(
        &subject,
        faults,
        "account",
        "subject.account",
        RootKind::Account,
    );
    if subject.raw("person").is_none() && subject.raw("account").is_none() {
        faults.add("subject", "expected a `person`, an `account` or both");
    }
    Some(SubjectRef { person, account })
}

/// `{"id": "per_…"}` or `{"type": "email", "value": "…"}`.
fn read_root<Id>(
    subject: &Part<'_>,
    faults: &mut Faults,
    key: &str,
    path: &str,
    kind: RootKind,
) -> Option<RootRef<Id>>
where
    Id: std::str::FromStr,
    Id::Err: std::fmt::Display,
{
    let part = subject.object(faults, key, path)?;
    part.only_keys(faults, &["id", "type", "value"]);
    if part.raw("id").is_some() {
        return part.required(faults, "id").map(RootRef::Id);
    }
    read_identifier(&part, faults, kind).map(RootRef::Identifier)
}

/// `{"type": "email", "value": "…"}`, of a root of this kind.
pub(crate) fn read_identifier(
    part: &Part<'_>,
    faults: &mut Faults,
    kind: RootKind,
) -> Option<Identifier> {
    let ty: Option<IdentifierType> = part.required(faults, "type");
    let value = part.required_text(faults, "value");
    let (ty, value) = ty.zip(value)?;
    if ty.root_kind() != kind {
        faults.add(
            &part.path("type"),
            format!("a `{ty}` identifies no {}", kind.as_str()),
        );
        return None;
    }
    match Identifier::new(ty, value) {
        Ok(identifier) => Some(identifier),
        Err(error) => {
            faults.add(&part.path("value"), error.to_string());
            None
        }
    }
}

/// A JWT as a text, or `{"type": "userId", "value": "…", "hash": "…"}` for an HMAC. Whether it proves
/// anything is never said here.
fn read_token(root: &Part<'_>, faults: &mut Faults) -> Option<IdentityToken> {
    match root.raw("identityToken")? {
        Value::String(jwt) => Some(IdentityToken::Jwt(jwt.clone())),
        _ => {
            let part = root.object(faults, "identityToken", "identityToken")?;
            part.only_keys(faults, &["type", "value", "hash"]);
            let kind = part.required(faults, "type");
            let identifier = part.required_text(faults, "value");
            let hash = part.required_text(faults, "hash");
            let ((kind, identifier), hash) = kind.zip(identifier).zip(hash)?;
            Some(IdentityToken::Hmac {
                kind,
                identifier: identifier.to_owned(),
                hash: hash.to_owned(),
            })
        }
    }
}
