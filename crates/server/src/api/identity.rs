//! Who is who: `GET /v1/people/{id}/identity`, `POST …/merge`, `POST …/split`, `POST /v1/merges/{id}/undo`,
//! and what waits for somebody to decide: `GET /v1/reviews`, `POST /v1/reviews/{id}`.

use std::str::FromStr;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{MatchedPath, Path, RawQuery, State};
use kith_domain::id::NodeId;
use kith_engine::{Governed, IdentityAnswer, Listed, ReviewStatus, Reviews, RootId, Ruled, Ruling};

use super::journey::id_of;
use super::lists;
use super::writes::kind;
use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Part, Query, Whole, parse};
use crate::problem::Problem;

/// Answers the identifiers of one root, after its audit entry is committed.
pub(crate) async fn read<Id: Listed>(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<IdentityAnswer<Id>>>, Problem>
where
    <Id as FromStr>::Err: std::fmt::Display,
{
    let request = lists::read_root(id, query.as_deref().unwrap_or_default())?;
    Ok(Json(app.engine.identity(&caller, request).await?))
}

/// Makes two roots one.
pub(crate) async fn merge(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    path: MatchedPath,
    id: Result<Path<String>, PathRejection>,
    Whole(body): Whole,
) -> Result<Json<Governed<Ruled>>, Problem> {
    let root = kind(&path)?.root;
    let object = parse(&body)?;
    let (part, mut faults) = (Part::root(&object), Faults::default());
    part.only_keys(&mut faults, &["with"]);
    let mut read = |key: &str, text: &str| {
        let id = RootId::parse(root, text);
        id.map_err(|error| faults.add(key, error.to_string())).ok()
    };
    let id = read("id", &id.map(|Path(id)| id).unwrap_or_default());
    let with = part.required_text(&mut faults, "with");
    let with = with.and_then(|text| {
        let with = RootId::parse(root, text);
        with.map_err(|error| faults.add("with", error.to_string()))
            .ok()
    });
    let ruling = id.zip(with).map(|(id, with)| Ruling::Merge { id, with });
    rule(&app, &caller, faults, ruling).await
}

/// Parts identifiers of a root from its others.
pub(crate) async fn split(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    path: MatchedPath,
    id: Result<Path<String>, PathRejection>,
    Whole(body): Whole,
) -> Result<Json<Governed<Ruled>>, Problem> {
    let root = kind(&path)?.root;
    let object = parse(&body)?;
    let (part, mut faults) = (Part::root(&object), Faults::default());
    part.only_keys(&mut faults, &["identifiers"]);
    let id = RootId::parse(root, &id.map(|Path(id)| id).unwrap_or_default());
    let id = id.map_err(|error| faults.add("id", error.to_string())).ok();
    let mut identifiers = Vec::new();
    for (place, text) in part.texts(&mut faults, "identifiers").iter().enumerate() {
        match text.parse::<NodeId>() {
            Ok(node) => identifiers.push(node),
            Err(error) => faults.add(&format!("identifiers.{place}"), error.to_string()),
        }
    }
    let ruling = id.map(|id| Ruling::Split { id, identifiers });
    rule(&app, &caller, faults, ruling).await
}

/// Takes a decision back.
pub(crate) async fn undo(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Governed<Ruled>>, Problem> {
    let mut faults = Faults::default();
    let id = id_of(id, &mut faults);
    let ruling = id.map(|id| Ruling::Undo { id });
    rule(&app, &caller, faults, ruling).await
}

/// Answers what waits.
pub(crate) async fn reviews(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<Reviews>>, Problem> {
    let mut faults = Faults::default();
    let query = query.as_deref().unwrap_or_default();
    let query = Query::read(query, &mut faults, &["status", "cursor"]);
    let status = query.text("status").unwrap_or("open");
    let status = ReviewStatus::ALL
        .into_iter()
        .find(|known| known.as_str() == status);
    if status.is_none() {
        faults.add("status", "expected `open`, `accepted` or `rejected`");
    }
    let cursor = query.parsed(
        &mut faults,
        "cursor",
        "expected the `nextCursor` of the page before",
    );
    let status = faults.finish(status)?;
    Ok(Json(app.engine.reviews(&caller, status, cursor).await?))
}

/// Decides what waits.
pub(crate) async fn review(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    Whole(body): Whole,
) -> Result<Json<Governed<Ruled>>, Problem> {
    let object = parse(&body)?;
    let (part, mut faults) = (Part::root(&object), Faults::default());
    part.only_keys(&mut faults, &["decision"]);
    let id = id_of(id, &mut faults);
    let accept = match part.required_text(&mut faults, "decision") {
        Some("accept") => Some(true),
        Some("reject") => Some(false),
        Some(_) => {
            faults.add("decision", "expected `accept` or `reject`");
            None
        }
        None => None,
    };
    let ruling = id.zip(accept);
    let ruling = ruling.map(|(id, accept)| Ruling::Review { id, accept });
    rule(&app, &caller, faults, ruling).await
}

async fn rule(
    app: &App,
    caller: &kith_engine::Caller,
    faults: Faults,
    ruling: Option<Ruling>,
) -> Result<Json<Governed<Ruled>>, Problem> {
    let ruling = faults.finish(ruling)?;
    Ok(Json(app.engine.rule(caller, ruling).await?))
}
