//! `GET /v1/accounts`: accounts in their governed form, filtered, sorted and counted by what the caller
//! may see.

use axum::Json;
use axum::extract::{RawQuery, State};
use kith_engine::{AccountPage, Governed, ListRequest, MemberRef, SortField};

use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Query};
use crate::problem::Problem;

/// What a list is asked with.
const KEYS: &[&str] = &[
    "purpose",
    "onBehalfOf",
    "filter",
    "sort",
    "limit",
    "cursor",
    "count",
];

/// Answers one page, after its audit entry is committed.
pub(crate) async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<AccountPage>>, Problem> {
    let request = read(query.as_deref().unwrap_or_default())?;
    Ok(Json(app.engine.list_accounts(&caller, request).await?))
}

fn read(query: &str) -> Result<ListRequest, Problem> {
    let mut faults = Faults::default();
    let query = Query::read(query, &mut faults, KEYS);
    let purpose = query.required(&mut faults, "purpose");
    let limit = query.parsed(&mut faults, "limit", "expected a whole number");
    let count = query.parsed(&mut faults, "count", "expected `true` or `false`");
    let request = purpose.map(|purpose| ListRequest {
        purpose,
        on_behalf_of: query.text("onBehalfOf").map(MemberRef::from),
        filter: query.text("filter").map(str::to_owned),
        sort: query.text("sort").map(sort).unwrap_or_default(),
        limit,
        cursor: query.text("cursor").map(str::to_owned),
        count: count.unwrap_or(false),
    });
    faults.finish(request)
}

/// `account.plan,-account.seats`
fn sort(text: &str) -> Vec<SortField> {
    text.split(',')
        .map(str::trim)
        .map(|field| match field.strip_prefix('-') {
            Some(field) => (field, true),
            None => (field, false),
        })
        .map(|(field, descending)| SortField {
            field: field.to_owned(),
            descending,
        })
        .collect()
}
