//! The throwaway store beneath a test: where it is, what stands in it, and how to break it.

use kith_store::StoreUrl;
use rusqlite::types::ValueRef;
use tempfile::TempDir;
use tokio_postgres::SimpleQueryMessage;

use crate::{Cluster, Database};

/// Which database engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Files in a temporary folder.
    Sqlite,
    /// A real server.
    Postgres,
}

/// A fresh store, gone when this is dropped.
#[derive(Debug)]
pub struct Home {
    url: StoreUrl,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(TempDir),
    Database(Database),
}

/// One value that stands in the store.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Text and numbers as text, bytes as they are; empty for NULL.
    pub bytes: Vec<u8>,
}

const SQLITE_FILES: [&str; 2] = ["kith.db", "audit.db"];

impl Home {
    /// A store that nobody has used yet.
    pub async fn fresh(store: Store) -> Self {
        match store {
            Store::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = StoreUrl::sqlite(&folder.path().join("kith-data"));
                let place = Place::Folder(folder);
                Self { url, place }
            }
            Store::Postgres => {
                let cluster = Cluster::shared().await.unwrap();
                let database = cluster.database().await.unwrap();
                let url = database.url().parse().unwrap();
                let place = Place::Database(database);
                Self { url, place }
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// Where it is, as the setting `KITH_STORE_URL` has it.
    #[must_use]
    pub fn setting(&self) -> String {
        match &self.place {
            Place::Folder(folder) => {
                format!("sqlite:{}", folder.path().join("kith-data").display())
            }
            Place::Database(database) => database.url().to_owned(),
        }
    }

    /// Every value in every table, as whoever holds the disk can read it.
    pub async fn cells(&self) -> Vec<Cell> {
        match &self.place {
            Place::Folder(_) => SQLITE_FILES
                .iter()
                .flat_map(|file| sqlite_cells(&self.sqlite(file)))
                .collect(),
            Place::Database(database) => postgres_cells(database).await,
        }
    }

    /// The files that a store is, by name and with every byte; none for a server's.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let Place::Folder(folder) = &self.place else {
            return Vec::new();
        };
        let files = std::fs::read_dir(folder.path().join("kith-data")).unwrap();
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            let file = file.unwrap();
            let name = file.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(file.path()).unwrap())
        };
        files.map(read).collect()
    }

    /// The rows of a query with one column, as text.
    pub async fn column(&self, sql: &str) -> Vec<String> {
        match &self.place {
            Place::Folder(_) => {
                let connection = self.sqlite(SQLITE_FILES[0]);
                let mut statement = connection.prepare(sql).unwrap();
                let rows = statement
                    .query_map((), |row| Ok(text(row.get_ref(0)?)))
                    .unwrap();
                rows.map(|row| String::from_utf8_lossy(&row.unwrap()).into_owned())
                    .collect()
            }
            Place::Database(database) => {
                let client = database.cluster().superuser(database.name()).await.unwrap();
                let messages = client.simple_query(sql).await.unwrap();
                let text = |message| match message {
                    SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                    _ => None,
                };
                messages.into_iter().filter_map(text).collect()
            }
        }
    }

    /// Makes the log of reads refuse every entry, as a full or failing disk would.
    pub async fn break_audit(&self) {
        match &self.place {
            Place::Folder(_) => self
                .sqlite(SQLITE_FILES[1])
                .execute_batch("ALTER TABLE audit RENAME TO audit_away")
                .unwrap(),
            Place::Database(database) => {
                let client = database.cluster().superuser(database.name()).await.unwrap();
                let statements = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
                      AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$;
                    CREATE TRIGGER refuse BEFORE INSERT ON audit
                      FOR EACH ROW EXECUTE FUNCTION refuse();";
                client.batch_execute(statements).await.unwrap();
            }
        }
    }

    /// Makes every change of data fail, as a store that fails would.
    pub async fn break_feed(&self) {
        match &self.place {
            Place::Folder(_) => self
                .sqlite(SQLITE_FILES[0])
                .execute_batch("ALTER TABLE feed RENAME TO feed_away")
                .unwrap(),
            Place::Database(database) => {
                let client = database.cluster().superuser(database.name()).await.unwrap();
                let statements = "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
                      AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$;
                    CREATE TRIGGER refuse_change BEFORE INSERT ON feed
                      FOR EACH ROW EXECUTE FUNCTION refuse_change();";
                client.batch_execute(statements).await.unwrap();
            }
        }
    }

    /// Makes the log writable again.
    pub async fn mend_audit(&self) {
        match &self.place {
            Place::Folder(_) => self
                .sqlite(SQLITE_FILES[1])
                .execute_batch("ALTER TABLE audit_away RENAME TO audit")
                .unwrap(),
            Place::Database(database) => {
                let client = database.cluster().superuser(database.name()).await.unwrap();
                client
                    .batch_execute("DROP TRIGGER refuse ON audit")
                    .await
                    .unwrap();
            }
        }
    }

    fn sqlite(&self, file: &str) -> rusqlite::Connection {
        let Place::Folder(folder) = &self.place else {
            panic!("not on SQLite");
        };
        rusqlite::Connection::open(folder.path().join("kith-data").join(file)).unwrap()
    }
}

fn sqlite_cells(connection: &rusqlite::Connection) -> Vec<Cell> {
    let names = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let mut statement = connection.prepare(names).unwrap();
    let tables = statement
        .query_map((), |row| row.get::<_, String>(0))
        .unwrap();
    let mut cells = Vec::new();
    for table in tables {
        let table = table.unwrap();
        let mut statement = connection
            .prepare(&format!("SELECT * FROM \"{table}\""))
            .unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            cells.extend(columns.iter().enumerate().map(|(place, column)| Cell {
                table: table.clone(),
                column: column.clone(),
                bytes: text(row.get_ref(place).unwrap()),
            }));
        }
    }
    cells
}

fn text(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Null => Vec::new(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => number.to_string().into_bytes(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
    }
}

async fn postgres_cells(database: &Database) -> Vec<Cell> {
    let client = database.cluster().superuser(database.name()).await.unwrap();
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
    let mut cells = Vec::new();
    for table in client.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let found = client
            .simple_query(&format!("SELECT * FROM \"{table}\""))
            .await
            .unwrap();
        for message in found {
            let SimpleQueryMessage::Row(row) = message else {
                continue;
            };
            cells.extend(
                row.columns()
                    .iter()
                    .enumerate()
                    .map(|(place, column)| Cell {
                        table: table.clone(),
                        column: column.name().to_owned(),
                        bytes: bytes(row.get(place).unwrap_or_default()),
                    }),
            );
        }
    }
    cells
}

/// PostgreSQL writes bytes as `\x…`.
fn bytes(text: &str) -> Vec<u8> {
    let decoded = text
        .strip_prefix("\\x")
        .and_then(|hex| hex::decode(hex).ok());
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}
