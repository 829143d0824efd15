//! The same questions as somebody would write them by hand for the same tables, who knows how they are
//! indexed: no plan, no audit, and the rows as they are.

use std::path::Path;

use kith_domain::id::{AccountId, WorkspaceId};
use kith_testkit::Database;
use postgres_types::{ToSql, Type};
use rusqlite::{Connection, params};
use serde_json::{Map, Value as Json};
use tokio::runtime::Runtime;

use super::{PAGE, Question, Result, SEATS, Side};
use crate::generate::PLAN;
use crate::kith::REGION;

/// The `WHERE`, over the index of filterable fields. `{seats}` is the field that it does not hold.
fn rows(question: Question, seats: &str) -> String {
    let (account, seats) = match question.by_seats() {
        true => (
            "JOIN account a ON a.workspace = p.workspace AND a.id = p.id",
            format!("AND {seats} > ?4"),
        ),
        false => ("", String::new()),
    };
    format!(
        "FROM field_index p JOIN field_index r ON r.workspace = p.workspace AND r.id = p.id {account}
         WHERE p.workspace = ?1 AND p.field = 'account.plan' AND p.value = ?2
           AND r.field = 'account.region' AND r.value = ?3 {seats}"
    )
}

/// The page and the count.
fn statements(question: Question, seats: &str) -> (String, String) {
    let rows = rows(question, seats);
    let count = format!("SELECT count(*) {rows}");
    let page = match question.by_seats() {
        true => format!(
            "SELECT a.id, a.fields, a.provenance {rows} ORDER BY {seats} DESC, a.id LIMIT {PAGE}"
        ),
        // The index is enough to find them.
        false => format!(
            "SELECT a.id, a.fields, a.provenance FROM (SELECT p.workspace, p.id {rows}
               ORDER BY p.id LIMIT {PAGE}) AS p
             JOIN account a ON a.workspace = p.workspace AND a.id = p.id ORDER BY a.id"
        ),
    };
    (page, count)
}

fn send(items: Vec<Json>, count: Option<i64>) -> String {
    let mut answer = Map::new();
    answer.insert("items".to_owned(), items.into());
    if let Some(count) = count {
        answer.insert("count".to_owned(), count.into());
    }
    Json::from(answer).to_string()
}

fn item(id: &[u8], fields: &str, provenance: &str) -> Result<Json> {
    let mut item = Map::new();
    let id = AccountId::from_slice(id).ok_or("an id is 16 bytes")?;
    item.insert("id".to_owned(), id.to_string().into());
    item.insert("fields".to_owned(), serde_json::from_str(fields)?);
    item.insert("from".to_owned(), serde_json::from_str(provenance)?);
    Ok(item.into())
}

fn read(item: &Json) -> Option<(AccountId, String, i64)> {
    let fields = item.get("fields")?;
    Some((
        item.get("id")?.as_str()?.parse().ok()?,
        fields.get("account.name")?.as_str()?.to_owned(),
        fields.get("account.seatsPurchased")?.as_i64()?,
    ))
}

/// A connection of its own to the store's file.
pub(super) struct Sqlite {
    connection: Connection,
    workspace: i64,
}

impl Sqlite {
    pub(super) fn open(folder: &Path, workspace: WorkspaceId) -> Result<Self> {
        let connection = Connection::open(folder.join("kith.db"))?;
        connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -16384;")?;
        Ok(Self {
            connection,
            workspace: workspace.0.cast_signed(),
        })
    }
}

impl Side for Sqlite {
    fn ask(&mut self, question: Question) -> Result<String> {
        let seats = "(a.fields ->> '$.\"account.seatsPurchased\"')";
        let (page, count) = statements(question, seats);
        let (plan, region) = (PLAN.as_bytes(), REGION.as_bytes());
        let mut values: Vec<&dyn rusqlite::ToSql> = params![self.workspace, plan, region].to_vec();
        if question.by_seats() {
            values.push(&SEATS);
        }
        // One snapshot for both.
        let tx = self.connection.transaction()?;
        let mut items = Vec::new();
        {
            let mut page = tx.prepare_cached(&page)?;
            let mut rows = page.query(values.as_slice())?;
            while let Some(row) = rows.next()? {
                let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
                items.push(item(row.get_ref(0)?.as_blob()?, text(1)?, text(2)?)?);
            }
        }
        let count = match question.counts() {
            true => Some(
                tx.prepare_cached(&count)?
                    .query_row(values.as_slice(), |row| row.get(0))?,
            ),
            false => None,
        };
        Ok(send(items, count))
    }

    fn read(&self, item: &Json) -> Option<(AccountId, String, i64)> {
        read(item)
    }
}

/// A connection of its own to the store's database, bound to the workspace. Statements are planned each
/// time, for what is asked: a plan for any plan and region is a bad one for most.
pub(super) struct Postgres<'a> {
    runtime: &'a Runtime,
    client: tokio_postgres::Client,
    workspace: i64,
}

impl<'a> Postgres<'a> {
    pub(super) fn open(
        runtime: &'a Runtime,
        database: &Database,
        workspace: WorkspaceId,
    ) -> Result<Self> {
        let workspace = workspace.0.cast_signed();
        let client = runtime.block_on(database.connect())?;
        let scope = format!("SELECT set_config('kith.workspace', '{workspace}', false)");
        runtime.block_on(client.batch_execute(&scope))?;
        Ok(Self {
            runtime,
            client,
            workspace,
        })
    }
}

impl Side for Postgres<'_> {
    fn ask(&mut self, question: Question) -> Result<String> {
        let seats = "((a.fields ->> 'account.seatsPurchased')::bigint)";
        let (page, count) = statements(question, seats);
        let page = page.replace(
            "a.fields, a.provenance",
            "a.fields::text, a.provenance::text",
        );
        let (page, count) = (page.replace('?', "$"), count.replace('?', "$"));
        let (plan, region) = (PLAN.as_bytes(), REGION.as_bytes());
        let mut values: Vec<(&(dyn ToSql + Sync), Type)> = vec![
            (&self.workspace, Type::INT8),
            (&plan, Type::BYTEA),
            (&region, Type::BYTEA),
        ];
        if question.by_seats() {
            values.push((&SEATS, Type::INT8));
        }
        self.runtime.block_on(async {
            let mut items = Vec::new();
            for row in self.client.query_typed(&page, &values).await? {
                items.push(item(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?);
            }
            let count = match question.counts() {
                true => {
                    let rows = self.client.query_typed(&count, &values).await?;
                    rows.first().map(|row| row.try_get(0)).transpose()?
                }
                false => None,
            };
            Ok(send(items, count))
        })
    }

    fn read(&self, item: &Json) -> Option<(AccountId, String, i64)> {
        read(item)
    }
}
