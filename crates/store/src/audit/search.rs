//! Searching the log.

use std::fmt::Write as _;

use kith_domain::id::{AccountId, AuditId, PersonId, WorkspaceId};
use kith_domain::{Purpose, Timestamp};

use super::{AuditEntry, AuditRow, AuditSeq, FieldSet};
use crate::db::param::Param;
use crate::db::row::Row;
use crate::db::sql::{Column, int, text};
use crate::{Engine, StoreError, Tx};

/// Which entries are wanted: those to which everything that is given applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// The entry of this id. A time goes with it: entries are indexed by time.
    pub id: Option<AuditId>,
    /// Entries of this actor, or on behalf of this member: the text of the id.
    pub actor: Option<String>,
    /// About this account.
    pub account: Option<AccountId>,
    /// About this person.
    pub person: Option<PersonId>,
    /// For this purpose.
    pub purpose: Option<Purpose>,
    /// With this verdict.
    pub verdict: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// In which this field, by its full path, was shown or changed.
    pub field: Option<String>,
    /// Older than this entry, by its time and id: the next page.
    pub before: Option<(Timestamp, AuditId)>,
    /// At most this many.
    pub limit: u32,
}

const SELECT: &str = "SELECT a.id, a.workspace, a.stream, a.seq, a.at, a.leaf, a.actor,
      a.credential, a.on_behalf_of, a.purpose, a.action, a.verdict, a.account, a.person,
      a.lookup_hash, a.field_set, f.names, a.statements, a.definitions_version,
      a.definitions_hash, a.position
    FROM audit a JOIN field_set f
      ON f.workspace = a.workspace AND f.stream = a.stream AND f.hash = a.field_set
    WHERE a.workspace = ?1";

/// A statement that grows by the clauses that are wanted, so that each search can use its index.
struct Search<'p> {
    sql: String,
    params: Vec<Param<'p>>,
}

impl<'p> Search<'p> {
    /// Adds a clause in which `?` stands for the parameter, and `#2` for the second of all.
    fn and(&mut self, clause: &str, param: Param<'p>) {
        self.params.push(param);
        let number = format!("?{}", self.params.len());
        let _ = write!(
            self.sql,
            " AND {}",
            clause.replace('?', &number).replace('#', "?")
        );
    }
}

/// Entries, the newest first.
pub(crate) async fn search(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    filter: &AuditFilter,
) -> Result<Vec<AuditEntry>, StoreError> {
    let mut search = Search {
        sql: SELECT.to_owned(),
        params: vec![ws.into()],
    };
    if let Some(id) = &filter.id {
        search.and("a.id = ?", id.into());
    }
    if let Some(actor) = &filter.actor {
        search.and("(a.actor = ? OR a.on_behalf_of = ?)", actor.as_str().into());
    }
    if let Some(account) = &filter.account {
        search.and("a.account = ?", account.into());
    }
    if let Some(person) = &filter.person {
        search.and("a.person = ?", person.into());
    }
    if let Some(purpose) = filter.purpose {
        search.and("a.purpose = ?", purpose.as_str().into());
    }
    if let Some(verdict) = &filter.verdict {
        search.and("a.verdict = ?", verdict.as_str().into());
    }
    if let Some(since) = filter.since {
        search.and("a.at >= ?", since.into());
    }
    if let Some(until) = filter.until {
        search.and("a.at < ?", until.into());
    }
    if let Some((at, id)) = &filter.before {
        search.params.push((*at).into());
        let clause = format!("(a.at, a.id) < (#{}, ?)", search.params.len());
        search.and(&clause, id.into());
    }
    if let Some(field) = &filter.field {
        let clause = match tx.engine() {
            Engine::Sqlite => "EXISTS (SELECT 1 FROM json_each(f.names) n WHERE n.value = ?)",
            Engine::Postgres => "f.names @> to_jsonb(?::text)",
        };
        search.and(clause, field.as_str().into());
    }
    search.sql.push_str(" ORDER BY a.at DESC, a.id DESC");
    search.params.push(i64::from(filter.limit).into());
    let _ = write!(search.sql, " LIMIT ?{}", search.params.len());
    tx.query(&search.sql, &search.params)
        .await?
        .iter()
        .map(read)
        .collect()
}

const AT_PLACES: &str = "SELECT a.id, a.workspace, a.stream, a.seq, a.at, a.leaf, a.actor,
      a.credential, a.on_behalf_of, a.purpose, a.action, a.verdict, a.account, a.person,
      a.lookup_hash, a.field_set, (SELECT f.names FROM field_set f
        WHERE f.workspace = ?1 AND f.stream = a.stream AND f.hash = a.field_set), a.statements,
      a.definitions_version, a.definitions_hash, a.position
    FROM {rows} JOIN audit a ON a.workspace = ?1 AND a.stream = r.stream AND a.seq = r.seq";
const PLACES: [Column; 2] = [text("stream"), int("seq")];

/// The entries that stand at these places, in no order.
pub(crate) async fn at_places(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    places: &[AuditSeq],
) -> Result<Vec<AuditEntry>, StoreError> {
    let rows: Vec<_> = places
        .iter()
        .map(|place| [(&*place.stream).into(), place.seq.into()])
        .collect();
    tx.each(AT_PLACES, &[ws.into()], &PLACES, &rows)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Joins what two files hold into one page.
pub(crate) fn merge(
    mut entries: Vec<AuditEntry>,
    more: Vec<AuditEntry>,
    filter: &AuditFilter,
) -> Vec<AuditEntry> {
    entries.extend(more);
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.row.at, entry.row.id)));
    entries.truncate(filter.limit as usize);
    entries
}

fn read(row: &Row) -> Result<AuditEntry, StoreError> {
    let mut columns = row.columns("audit");
    let id = columns.id("id", AuditId::from_slice)?;
    let workspace = columns.workspace("workspace")?;
    let place = AuditSeq {
        stream: columns.text("stream")?.into(),
        seq: columns.int("seq")?,
    };
    let row = AuditRow {
        workspace,
        id,
        at: columns.time("at")?,
        leaf: columns.bytes("leaf")?.to_vec(),
        actor: columns.string("actor")?,
        credential: columns.string("credential")?,
        on_behalf_of: columns.opt("on_behalf_of", |columns, name| columns.string(name))?,
        purpose: columns.word("purpose", Purpose::ALL, Purpose::as_str)?,
        action: columns.string("action")?,
        verdict: columns.string("verdict")?,
        account: columns.opt("account", |columns, name| {
            columns.id(name, AccountId::from_slice)
        })?,
        person: columns.opt("person", |columns, name| {
            columns.id(name, PersonId::from_slice)
        })?,
        lookup_hash: columns.opt("lookup_hash", |columns, name| columns.hash(name))?,
        fields: FieldSet {
            hash: columns.hash("field_set")?,
            names: columns.words("names")?,
        },
        statements: columns.words("statements")?,
        definitions_version: columns.number("definitions_version")?,
        definitions_hash: columns.string("definitions_hash")?,
        position: columns.int("position")?,
    };
    Ok(AuditEntry { place, row })
}
