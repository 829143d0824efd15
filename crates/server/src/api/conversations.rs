//! `GET /v1/conversations/{id}`: a conversation, and what was written in it, page by page.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use kith_domain::id::ConversationId;
use kith_engine::{ConversationAnswer, ConversationRequest, Governed, MemberRef};

use super::journey::id_of;
use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Query};
use crate::problem::Problem;

/// What a conversation is asked with.
const KEYS: &[&str] = &["purpose", "onBehalfOf", "limit", "cursor"];

/// Answers a page of a conversation, after its audit entry is committed.
pub(crate) async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Governed<ConversationAnswer>>, Problem> {
    let mut faults = Faults::default();
    let conversation = id_of::<ConversationId>(id, &mut faults);
    let query = query.unwrap_or_default();
    let query = Query::read(&query, &mut faults, KEYS);
    let purpose = query.required(&mut faults, "purpose");
    let limit = query.parsed(&mut faults, "limit", "expected a whole number");
    let request = purpose
        .zip(conversation)
        .map(|(purpose, conversation)| ConversationRequest {
            purpose,
            conversation,
            on_behalf_of: query.text("onBehalfOf").map(MemberRef::from),
            limit,
            cursor: query.text("cursor").map(str::to_owned),
        });
    let request = faults.finish(request)?;
    Ok(Json(app.engine.conversation(&caller, request).await?))
}
