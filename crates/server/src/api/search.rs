//! `GET /v1/search`: accounts, people and the other roots by the words of what the caller may see of them.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{RawQuery, State};
use kith_domain::RootKind;
use kith_engine::{Governed, MemberRef, SearchPage, SearchRequest};

use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Query};
use crate::problem::Problem;

/// What a search is asked with.
const KEYS: &[&str] = &["q", "purpose", "onBehalfOf", "kinds", "limit", "cursor"];

/// Answers one page, after its audit entry is committed.
pub(crate) async fn search(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<SearchPage>>, Problem> {
    let request = read(query.as_deref().unwrap_or_default())?;
    Ok(Json(app.engine.search(&caller, request).await?))
}

fn read(query: &str) -> Result<SearchRequest, Problem> {
    let mut faults = Faults::default();
    let query = Query::read(query, &mut faults, KEYS);
    let purpose = query.required(&mut faults, "purpose");
    let question = query.text("q");
    if question.is_none() {
        faults.add("q", "required");
    }
    let kinds = kinds(query.text("kinds"), &mut faults);
    let limit = query.parsed(&mut faults, "limit", "expected a whole number");
    let request = purpose
        .zip(question)
        .map(|(purpose, question)| SearchRequest {
            purpose,
            on_behalf_of: query.text("onBehalfOf").map(MemberRef::from),
            question: question.to_owned(),
            kinds,
            limit,
            cursor: query.text("cursor").map(str::to_owned),
        });
    faults.finish(request)
}

/// `account,person`
fn kinds(text: Option<&str>, faults: &mut Faults) -> BTreeSet<RootKind> {
    let mut kinds = BTreeSet::new();
    for word in text.into_iter().flat_map(|text| text.split(',')) {
        let kind = RootKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word.trim());
        match kind {
            Some(kind) => {
                kinds.insert(kind);
            }
            None => {
                let known = RootKind::ALL.map(RootKind::as_str).join(", ");
                faults.add("kinds", format!("expected some of {known}"));
                break;
            }
        }
    }
    kinds
}
