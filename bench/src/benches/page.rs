//! A page of 100 accounts × 200 fields over HTTP: the fields, classes and statements that `policy` decides
//! on alone, here with a store and a server around them. Its control reads the same rows in the same
//! process and sends them as they are.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use kith_domain::id::{AccountId, WorkspaceId};
use kith_domain::{Runtime as Means, Timestamp};
use kith_engine::runtime::{OsEntropy, SystemClock};
use kith_policy::predicate::RowPredicate;
use kith_store::lists::{self, Question};
use kith_store::profiles::{self, Profile};
use kith_store::{Db, StoreError, StoreUrl};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::policy::accounts::accounts;
use super::policy::workload::{Workload, files};
use super::policy::{FEW, FIELDS, ROWS};
use super::{Bench, Context, Lines, progress};
use crate::kith::{Desk, Kith, REGION, serve};
use crate::load::{Load, Pace, ask, request};
use crate::report::{Line, Quantity};

pub(crate) const BENCH: Bench = Bench {
    name: "page",
    about: "a page of 100 accounts × 200 fields over HTTP, against the same rows as they are",
    run,
};

/// Accounts of the workspace; a page is the first of them.
const ACCOUNTS: usize = 2_000;
const MAX_PAGE: Duration = Duration::from_millis(5);

fn run(context: &Context<'_>) -> Lines {
    let folder = context.data.join("page");
    let runtime = Runtime::new()?;
    let store = StoreUrl::sqlite(&folder);
    progress("2,000 accounts with 200 fields are written");
    let desk = runtime.block_on(Desk::open(&store, files(FIELDS, FEW)?))?;
    let db = runtime.block_on(Db::open(&store, "control"))?;
    runtime.block_on(fill(&db, desk.workspace, ACCOUNTS))?;
    let kith = Kith::serve(desk, runtime)?;
    let raw = serve_raw(&kith, db)?;

    let path = format!("/v1/accounts?purpose=support.view&limit={ROWS}");
    let governed = kith.keys.get(&path);
    let control = request("GET", "/", &[], b"");
    check(&ask(kith.address, &governed)?, &ask(raw, &control)?)?;
    let load = Load {
        server: kith.address,
        connections: 1,
        pace: Pace::Max,
        warm_up: Duration::from_secs(1),
        duration: Duration::from_secs(4),
    };
    progress("governed");
    let governed = load.run(|_| governed.clone())?;
    progress("without governance");
    let bare = Load {
        server: raw,
        ..load
    }
    .run(|_| control.clone())?;
    let line = |percentile: f64| {
        let work = format!("100 accounts × 200 fields over HTTP, p{percentile:.0}");
        Line::new(work, Quantity::Time(governed.latency(percentile))).against(
            "without governance",
            Quantity::Time(bare.latency(percentile)),
        )
    };
    let budget = Quantity::Time(MAX_PAGE);
    Ok(vec![line(50.0).budget(budget, None), line(99.0)])
}

/// Accounts that all are in the member's view, with a value in nine of ten fields.
async fn fill(db: &Db, workspace: WorkspaceId, count: usize) -> Result<(), Box<dyn Error>> {
    let workload = Workload::new(FIELDS, FEW)?;
    let accounts = accounts(count, count).into_iter();
    let accounts: Vec<_> = accounts.map(|account| account.in_view(REGION)).collect();
    let means = Means::new(Arc::new(SystemClock), Arc::new(OsEntropy));
    let at = means.now();
    let rows = workload.rows(&accounts).into_iter().map(|row| {
        let (mut fields, mut provenance) = (Map::new(), Map::new());
        for (idx, field) in workload.catalog.iter() {
            if let Some(value) = row.get(idx) {
                let origin =
                    json!({ "source": "http", "observed": at.micros(), "received": at.micros() });
                fields.insert(field.path.to_string(), value.to_canonical());
                provenance.insert(field.path.to_string(), origin);
            }
        }
        Profile {
            id: AccountId::from_uuid(means.uuid()),
            created_at: at,
            updated_at: at,
            fields,
            provenance,
        }
    });
    let rows: Vec<_> = rows.collect();
    let written = db.write(workspace, move |tx| {
        Box::pin(async move { profiles::put(tx, workspace, &rows).await })
    });
    Ok(written.await?)
}

/// Serves the rows of the first page.
fn serve_raw(kith: &Kith, db: Db) -> Result<SocketAddr, Box<dyn Error>> {
    let router = Router::new()
        .route("/", get(read))
        .with_state((db, kith.workspace));
    serve(&kith.runtime, router)
}

async fn read(State((db, workspace)): State<(Db, WorkspaceId)>) -> Result<Json<Value>, StatusCode> {
    let rows = db.read(workspace, move |tx| {
        Box::pin(async move {
            let question = Question {
                rows: &RowPredicate {
                    all: Vec::new(),
                    is_exact: true,
                },
                now: Timestamp::from_micros(0),
                indexed: &BTreeSet::new(),
            };
            let limit = u32::try_from(ROWS).unwrap_or(u32::MAX);
            lists::list::<AccountId>(tx, workspace, question, &[], None, limit).await
        })
    });
    let rows: Result<_, StoreError> = rows.await;
    let rows = rows.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let items = rows
        .into_iter()
        .map(|row| json!({ "id": row.id, "fields": row.fields, "from": row.provenance }));
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// Both give the same accounts, and the governed one decides on every field.
fn check(governed: &[u8], control: &[u8]) -> Result<(), Box<dyn Error>> {
    let ids = |page: &Value| -> Option<Vec<String>> {
        let items = page.get("items")?.as_array()?.iter();
        items
            .map(|item| Some(item.get("id")?.as_str()?.to_owned()))
            .collect()
    };
    let (governed, control) = (
        serde_json::from_slice::<Value>(governed)?,
        serde_json::from_slice(control)?,
    );
    let found = ids(&governed).ok_or("the governed page has no items")?;
    if found.len() != ROWS || Some(found) != ids(&control) {
        return Err("the governed page and its control have other accounts".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kith_domain::Purpose;
    use kith_engine::ListRequest;

    use super::*;

    #[tokio::test]
    async fn a_page_is_full_and_decided_field_by_field() {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreUrl::sqlite(&folder.path().join("kith-data"));
        let files = files(FIELDS, FEW).unwrap();
        let desk = Desk::open(&store, files).await.unwrap();
        let db = Db::open(&store, "test").await.unwrap();
        fill(&db, desk.workspace, ROWS + 1).await.unwrap();
        let caller = desk.engine.authenticate(&desk.keys.member).await.unwrap();
        let request = ListRequest {
            purpose: Purpose::SupportView,
            on_behalf_of: None,
            filter: None,
            sort: Vec::new(),
            limit: u32::try_from(ROWS).ok(),
            cursor: None,
            count: true,
        };
        let page = desk.engine.list::<AccountId>(&caller, request).await;
        let page = serde_json::to_value(page.unwrap()).unwrap();
        assert_eq!(page["count"], ROWS + 1);
        let raw = json!({ "items": page["items"] }).to_string();
        check(page.to_string().as_bytes(), raw.as_bytes()).unwrap();
        // Every field of every account is told, with its value or with the reason why not.
        let hidden_from_all = page["withheld"].as_array().unwrap().len();
        let mut states = BTreeMap::<_, usize>::new();
        for item in page["items"].as_array().unwrap() {
            let item = item.as_object().unwrap();
            let withheld = item
                .get("withheld")
                .map_or(0, |all| all.as_array().unwrap().len());
            let told = item
                .values()
                .filter_map(|field| field.get("state")?.as_str());
            let told: Vec<_> = told.collect();
            assert_eq!(told.len() + withheld + hidden_from_all, FIELDS);
            for state in told {
                *states.entry(state.to_owned()).or_default() += 1;
            }
        }
        let states: Vec<_> = states.keys().collect();
        assert_eq!(states, ["masked", "visible"]);
    }
}
