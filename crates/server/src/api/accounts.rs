//! `GET /v1/accounts/{id}`: one account in its governed form; with `/summary`, also its people and what
//! happened there.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kith_domain::id::AccountId;
use kith_engine::{AccountRequest, AccountSummary, Governed, MemberRef};

use super::journey::time;
use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Query};
use crate::problem::Problem;

/// Answers one account, after its audit entry is committed: also where the caller has it already.
pub(crate) async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = one(id, query.as_deref().unwrap_or_default(), &["asOf"])?;
    let account = app.engine.account(&caller, request).await?;
    let etag = account.answer().etag.clone();
    let mut response = match is_held(&headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Json(account).into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    // Nobody may keep it for another, and every use of it is asked for and audited.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("authorization"));
    Ok(response)
}

/// Answers the summary of one account, after its audit entry is committed.
pub(crate) async fn summary(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<AccountSummary>>, Problem> {
    let request = one(id, query.as_deref().unwrap_or_default(), &[])?;
    Ok(Json(app.engine.account_summary(&caller, request).await?))
}

fn one(
    id: Result<Path<String>, PathRejection>,
    query: &str,
    more: &[&str],
) -> Result<AccountRequest, Problem> {
    let mut faults = Faults::default();
    let keys = [&["purpose", "onBehalfOf"], more].concat();
    let query = Query::read(query, &mut faults, &keys);
    let as_of = time(&query, &mut faults, "asOf");
    let purpose = query.required(&mut faults, "purpose");
    // What is no UTF-8 is no id either.
    let id = id.map(|Path(id)| id).unwrap_or_default();
    let account = id.parse::<AccountId>();
    let account = account.map_err(|error| faults.add("id", error.to_string()));
    let request = purpose
        .zip(account.ok())
        .map(|(purpose, account)| AccountRequest {
            purpose,
            account,
            on_behalf_of: query.text("onBehalfOf").map(MemberRef::from),
            as_of,
        });
    faults.finish(request)
}

/// Whether the caller has the answer already; tags are compared weakly, as RFC 9110 says.
fn is_held(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let held = headers.get_all(header::IF_NONE_MATCH).iter();
    held.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}
