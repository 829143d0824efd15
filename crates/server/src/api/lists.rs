//! `GET /v1/accounts`, `/v1/people` and so on: roots in their governed form, filtered, sorted and counted by
//! what the caller may see. `GET /v1/people/{id}` and so on: one of them.

use std::str::FromStr;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use kith_engine::{
    Governed, ListRequest, Listed, MemberRef, Page, RootAnswer, RootRequest, SortField,
};

use super::journey::id_of;
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
pub(crate) async fn list<Id: Listed>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<Page<Id>>>, Problem> {
    let request = read_list(query.as_deref().unwrap_or_default())?;
    Ok(Json(app.engine.list::<Id>(&caller, request).await?))
}

/// Answers one row, after its audit entry is committed.
pub(crate) async fn one<Id: Listed>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<RootAnswer<Id>>>, Problem>
where
    <Id as FromStr>::Err: std::fmt::Display,
{
    let request = read_root(id, query.as_deref().unwrap_or_default())?;
    Ok(Json(app.engine.root(&caller, request).await?))
}

/// Reads which root is asked for.
pub(super) fn read_root<Id: Listed>(
    id: Result<Path<String>, PathRejection>,
    query: &str,
) -> Result<RootRequest<Id>, Problem>
where
    <Id as FromStr>::Err: std::fmt::Display,
{
    let mut faults = Faults::default();
    let query = Query::read(query, &mut faults, &["purpose", "onBehalfOf"]);
    let purpose = query.required(&mut faults, "purpose");
    let id = id_of::<Id>(id, &mut faults);
    let request = purpose.zip(id).map(|(purpose, id)| RootRequest {
        purpose,
        id,
        on_behalf_of: query.text("onBehalfOf").map(MemberRef::from),
    });
    faults.finish(request)
}

fn read_list(query: &str) -> Result<ListRequest, Problem> {
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
