//! `GET /v1/audit`: entries of the audit log by what they say. Below `/v1/audit/log`: the log as C2SP
//! tlog-tiles has it, for whoever checks it, and proofs in JSON.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use kith_domain::Timestamp;
use kith_domain::id::{AccountId, AuditId, PersonId};
use kith_engine::{
    AuditPage, AuditQuery, ConsistencyProof, Governed, InclusionProof, LeafRef, Outcome,
};

use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Query};
use crate::problem::Problem;

/// Entries of a page that names no number.
const DEFAULT_LIMIT: u32 = 50;
/// What a search is asked with.
const KEYS: &[&str] = &[
    "actor", "subject", "field", "purpose", "outcome", "since", "until", "limit", "cursor",
];

/// Answers one page, after its own entry is committed.
pub(crate) async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<AuditPage>>, Problem> {
    let (query, cursor) = read(query.as_deref().unwrap_or_default())?;
    let page = app.engine.list_audit(&caller, query, cursor.as_deref());
    Ok(Json(page.await?))
}

fn read(query: &str) -> Result<(AuditQuery, Option<String>), Problem> {
    let mut faults = Faults::default();
    let query = Query::read(query, &mut faults, KEYS);
    let purpose = query
        .text("purpose")
        .and_then(|_| query.required(&mut faults, "purpose"));
    let expected = "expected `allowed`, `refused` or `notFound`";
    let outcome = choice(&query, &mut faults, "outcome", expected, |text| {
        let all = [Outcome::Allowed, Outcome::Refused, Outcome::NotFound];
        all.into_iter().find(|outcome| outcome.as_str() == text)
    });
    let expected = "expected a date such as `2026-01-31`, or a time such as `2026-01-31T12:00:00Z`";
    let since = choice(&query, &mut faults, "since", expected, Timestamp::parse);
    let until = choice(&query, &mut faults, "until", expected, Timestamp::parse);
    let limit = query.parsed(&mut faults, "limit", "expected a whole number");
    let expected = "expected an id, `acc_…` or `per_…`";
    let subject = choice(&query, &mut faults, "subject", expected, |text| {
        match (text.parse::<AccountId>(), text.parse::<PersonId>()) {
            (Ok(account), _) => Some((Some(account), None)),
            (_, Ok(person)) => Some((None, Some(person))),
            _ => None,
        }
    });
    let (account, person) = subject.unwrap_or_default();
    let wanted = AuditQuery {
        actor: query.text("actor").map(str::to_owned),
        account,
        person,
        purpose,
        outcome,
        since,
        until,
        field: query.text("field").map(str::to_owned),
        limit: limit.unwrap_or(DEFAULT_LIMIT),
    };
    let cursor = query.text("cursor").map(str::to_owned);
    faults.finish(Some((wanted, cursor)))
}

fn choice<T>(
    query: &Query,
    faults: &mut Faults,
    key: &str,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let read = parse(query.text(key)?);
    if read.is_none() {
        faults.add(key, expected);
    }
    read
}

/// The newest signed checkpoint.
pub(crate) async fn checkpoint(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Problem> {
    let note = app.engine.log_checkpoint(&caller).await?;
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, note.answer().clone()).into_response())
}

/// A tile of hashes, or of entries.
pub(crate) async fn tile(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let tile = app.engine.log_tile(&caller, &path).await?;
    let kind = [(CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, tile.answer().clone()).into_response())
}

/// That an entry is in the log.
pub(crate) async fn inclusion(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<InclusionProof>>, Problem> {
    let mut faults = Faults::default();
    let query = query.unwrap_or_default();
    let query = Query::read(&query, &mut faults, &["entry", "index", "size"]);
    let whole = "expected a whole number";
    let index: Option<u64> = query.parsed(&mut faults, "index", whole);
    let entry: Option<AuditId> = query.parsed(&mut faults, "entry", "expected an id, `aud_…`");
    let size = query.parsed(&mut faults, "size", whole);
    let leaf = match (query.text("entry"), query.text("index")) {
        (Some(_), None) => entry.map(LeafRef::Entry),
        (None, Some(_)) => index.map(LeafRef::Index),
        _ => {
            faults.add("entry", "expected an `entry` or an `index`, and not both");
            None
        }
    };
    let leaf = faults.finish(leaf)?;
    let proof = app.engine.prove_inclusion(&caller, leaf, size);
    Ok(Json(proof.await?))
}

/// That the log of then is the beginning of the log of later.
pub(crate) async fn consistency(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<ConsistencyProof>>, Problem> {
    let mut faults = Faults::default();
    let query = query.unwrap_or_default();
    let query = Query::read(&query, &mut faults, &["from", "to"]);
    let whole = "expected a whole number";
    let from = query.parsed(&mut faults, "from", whole);
    if query.text("from").is_none() {
        faults.add("from", "required");
    }
    let to = query.parsed(&mut faults, "to", whole);
    let from = faults.finish(from)?;
    let proof = app.engine.prove_consistency(&caller, from, to);
    Ok(Json(proof.await?))
}
