//! `GET /v1/accounts/{id}/journey` and `GET /v1/people/{id}/journey`: what happened, on one time line.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use kith_domain::Timestamp;
use kith_domain::id::{AccountId, PersonId};
use kith_engine::{Governed, Journey, JourneyKind, JourneyOf, JourneyRequest, MemberRef};

use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Query};
use crate::problem::Problem;

/// What a journey is asked with.
const KEYS: &[&str] = &[
    "purpose",
    "onBehalfOf",
    "kinds",
    "before",
    "after",
    "limit",
    "cursor",
];

/// Answers a page of an account's journey, after its audit entry is committed.
pub(crate) async fn of_account(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<Journey>>, Problem> {
    let mut faults = Faults::default();
    let of = id_of::<AccountId>(id, &mut faults).map(JourneyOf::Account);
    let request = read(of, query.as_deref().unwrap_or_default(), faults)?;
    Ok(Json(app.engine.journey(&caller, request).await?))
}

/// Answers a page of a person's journey, after its audit entry is committed.
pub(crate) async fn of_person(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<Journey>>, Problem> {
    let mut faults = Faults::default();
    let of = id_of::<PersonId>(id, &mut faults).map(JourneyOf::Person);
    let request = read(of, query.as_deref().unwrap_or_default(), faults)?;
    Ok(Json(app.engine.journey(&caller, request).await?))
}

pub(super) fn id_of<Id>(id: Result<Path<String>, PathRejection>, faults: &mut Faults) -> Option<Id>
where
    Id: std::str::FromStr,
    Id::Err: std::fmt::Display,
{
    // What is no UTF-8 is no id either.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let id = id.parse::<Id>();
    id.map_err(|error| faults.add("id", error.to_string())).ok()
}

fn read(of: Option<JourneyOf>, query: &str, mut faults: Faults) -> Result<JourneyRequest, Problem> {
    let query = Query::read(query, &mut faults, KEYS);
    let purpose = query.required(&mut faults, "purpose");
    let kinds = query.text("kinds").map(|text| {
        let kinds = text.split(',').map(|kind| kind.trim().parse().ok());
        kinds.collect::<Option<Vec<JourneyKind>>>()
    });
    if kinds == Some(None) {
        let known = JourneyKind::ALL.map(|kind| format!("`{}`", kind.as_str()));
        let expected = format!("expected, with commas between: {}", known.join(", "));
        faults.add("kinds", expected);
    }
    let before = time(&query, &mut faults, "before");
    let after = time(&query, &mut faults, "after");
    let limit = query.parsed(&mut faults, "limit", "expected a whole number");
    let request = purpose.zip(of).map(|(purpose, of)| JourneyRequest {
        purpose,
        of,
        on_behalf_of: query.text("onBehalfOf").map(MemberRef::from),
        kinds: kinds.flatten().unwrap_or_default(),
        before,
        after,
        limit,
        cursor: query.text("cursor").map(str::to_owned),
    });
    faults.finish(request)
}

/// A parameter that is a time.
pub(super) fn time(query: &Query, faults: &mut Faults, key: &str) -> Option<Timestamp> {
    let text = query.text(key)?;
    let read = Timestamp::parse(text);
    if read.is_none() {
        let expected =
            "expected a date such as `2026-01-31`, or a time such as `2026-01-31T12:00:00Z`";
        faults.add(key, expected);
    }
    read
}
