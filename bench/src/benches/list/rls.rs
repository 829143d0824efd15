//! What PostgreSQL has for the same need: a plain table with a column for each field, row level security
//! for who may see which rows, and a view that masks columns.

use kith_domain::id::{AccountId, WorkspaceId};
use kith_testkit::Database;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use super::{PAGE, Question, Result, SEATS, Side};
use crate::generate::PLAN;
use crate::kith::REGION;

/// The rows of the store's own table in columns, with an index for each column that is filtered by.
const SET_UP: &str = "
    CREATE TABLE customer AS SELECT
      id, created_at AS signup_at,
      fields ->> 'account.name' AS name,
      fields ->> 'account.plan' AS plan,
      fields ->> 'account.region' AS region,
      fields ->> 'account.segment' AS segment,
      fields ->> 'account.csm' AS csm,
      fields ->> 'account.paymentState' AS payment_state,
      (fields ->> 'account.seatsPurchased')::bigint AS seats,
      (fields ->> 'account.apiCalls30d')::bigint AS api_calls,
      (fields -> 'account.privateRevenue' ->> 'amount')::bigint AS private_revenue
      FROM account;
    ALTER TABLE customer ADD PRIMARY KEY (id);
    CREATE INDEX customer_by_plan ON customer (plan, id);
    CREATE INDEX customer_by_region ON customer (region, id);
    ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
    ALTER TABLE customer FORCE ROW LEVEL SECURITY;
    CREATE POLICY of_own_regions ON customer
      USING (region = ANY (string_to_array(current_setting('app.regions'), ',')));
    CREATE VIEW customer_view WITH (security_invoker = true, security_barrier = true) AS SELECT
      id, signup_at, name, plan, region, segment, csm, payment_state, seats, api_calls,
      CASE WHEN current_setting('app.role') IN ('leadership', 'revops') THEN private_revenue END
        AS private_revenue
      FROM customer;";

const COLUMNS: &str =
    "id, signup_at, name, plan, region, segment, csm, payment_state, seats, api_calls,
    private_revenue";

/// A connection as somebody of support with one region.
pub(super) struct Rls<'a> {
    runtime: &'a Runtime,
    client: tokio_postgres::Client,
    prepared: Vec<(
        Question,
        tokio_postgres::Statement,
        tokio_postgres::Statement,
    )>,
}

impl<'a> Rls<'a> {
    /// Makes the table, and gives both ways of asking fresh statistics.
    pub(super) fn create(
        runtime: &'a Runtime,
        database: &Database,
        workspace: WorkspaceId,
    ) -> Result<Self> {
        runtime.block_on(async {
            let client = database.connect().await?;
            let scope = format!(
                "SELECT set_config('kith.workspace', '{}', false)",
                workspace.0
            );
            client.batch_execute(&scope).await?;
            client.batch_execute(SET_UP).await?;
            client.batch_execute("VACUUM ANALYZE").await?;
            let actor = format!(
                "SELECT set_config('app.regions', '{REGION}', false),
                   set_config('app.role', 'support', false)"
            );
            client.batch_execute(&actor).await?;
            let mut prepared = Vec::new();
            for question in super::QUESTIONS {
                let (more, order) = match question.by_seats() {
                    true => ("AND seats > $2", "seats DESC, id"),
                    false => ("", "id"),
                };
                let rows = format!("FROM customer_view WHERE plan = $1 {more}");
                let page = format!("SELECT {COLUMNS} {rows} ORDER BY {order} LIMIT {PAGE}");
                let page = client.prepare(&page).await?;
                let count = client.prepare(&format!("SELECT count(*) {rows}")).await?;
                prepared.push((question, page, count));
            }
            Ok(Self {
                runtime,
                client,
                prepared,
            })
        })
    }
}

impl Side for Rls<'_> {
    fn ask(&mut self, question: Question) -> Result<String> {
        let found = self.prepared.iter().find(|(of, ..)| *of == question);
        let (_, page, count) = found.ok_or("every question is prepared")?;
        let mut values: Vec<&(dyn postgres_types::ToSql + Sync)> = vec![&PLAN];
        if question.by_seats() {
            values.push(&SEATS);
        }
        self.runtime.block_on(async {
            let mut items = Vec::new();
            for row in self.client.query(page, &values).await? {
                let text = |column: usize| row.try_get::<_, Option<&str>>(column);
                let number = |column: usize| row.try_get::<_, Option<i64>>(column);
                items.push(json!({
                    "id": AccountId::from_slice(row.try_get(0)?),
                    "signupAt": number(1)?,
                    "name": text(2)?,
                    "plan": text(3)?,
                    "region": text(4)?,
                    "segment": text(5)?,
                    "csm": text(6)?,
                    "paymentState": text(7)?,
                    "seats": number(8)?,
                    "apiCalls": number(9)?,
                    "privateRevenue": number(10)?,
                }));
            }
            let mut answer = json!({ "items": items });
            if question.counts() {
                let count: i64 = self.client.query_one(count, &values).await?.try_get(0)?;
                if let Some(answer) = answer.as_object_mut() {
                    answer.insert("count".to_owned(), count.into());
                }
            }
            Ok(answer.to_string())
        })
    }

    fn read(&self, item: &Json) -> Option<(AccountId, String, i64)> {
        // Masked for whoever asks here, as it is hidden from them in Kith.
        item.get("privateRevenue")?.as_null()?;
        Some((
            item.get("id")?.as_str()?.parse().ok()?,
            item.get("name")?.as_str()?.to_owned(),
            item.get("seats")?.as_i64()?,
        ))
    }
}
