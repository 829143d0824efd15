//! The same rows without governance: no credential, no plan, no audit. What a reading of them costs
//! on this machine anyway.

use std::net::SocketAddr;
use std::path::Path;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use kith_domain::id::WorkspaceId;
use kith_domain::{Identifier, IdentifierType};
use kith_store::{Db, StoreError, StoreUrl, Tx, identity, journey, profiles};
use serde_json::{Value, json};

use crate::kith::{Kith, serve as serve_router};

/// As many events as the governed context shows.
const JOURNEY: u32 = 50;

/// Serves a second handle on the store's folder, in the server's runtime.
pub(super) fn serve(kith: &Kith, folder: &Path) -> Result<SocketAddr, Box<dyn std::error::Error>> {
    let url = StoreUrl::sqlite(folder);
    let db = kith.runtime.block_on(Db::open(&url, "control"))?;
    let router = Router::new()
        .route("/{user_id}", get(read))
        .with_state((db, kith.workspace));
    serve_router(&kith.runtime, router)
}

async fn read(
    State((db, workspace)): State<(Db, WorkspaceId)>,
    UrlPath(user_id): UrlPath<String>,
) -> Result<Json<Value>, StatusCode> {
    let Ok(identifier) = Identifier::new(IdentifierType::UserId, &user_id) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let found = db
        .read(workspace, move |tx| {
            Box::pin(async move { rows(tx, workspace, &identifier).await })
        })
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    found.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn rows(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    identifier: &Identifier,
) -> Result<Option<Value>, StoreError> {
    let node = identity::find(tx, workspace, identifier).await?;
    let Some(id) = node.and_then(|node| node.root?.person()) else {
        return Ok(None);
    };
    let person = profiles::get(tx, workspace, id).await?;
    let accounts = profiles::accounts_of_person(tx, workspace, id, 1_000).await?;
    let account = match accounts.as_slice() {
        [(_, account)] => Some(account.id),
        _ => None,
    };
    let events = journey::of_person(tx, workspace, id, account, None, JOURNEY).await?;
    let nodes: Vec<_> = events
        .iter()
        .filter_map(|event| event.account_node)
        .collect();
    let nodes = identity::nodes(tx, workspace, &nodes).await?;
    Ok(Some(json!({
        "person": person.map(|person| json!({ "fields": person.fields, "from": person.provenance })),
        "accounts": accounts.into_iter().map(|(role, account)| json!({
            "id": account.id,
            "fields": account.fields,
            "from": account.provenance,
            "role": role.fields,
        })).collect::<Vec<_>>(),
        "nodes": nodes.iter().map(|node| node.id.to_string()).collect::<Vec<_>>(),
        "events": events.into_iter().map(|event| json!({
            "id": event.id,
            "name": event.name,
            "at": event.at,
            "properties": event.properties,
        })).collect::<Vec<_>>(),
    })))
}
