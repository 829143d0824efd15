//! Throwaway PostgreSQL: a real cluster, shared by all tests that run at the same time, and a fresh
//! database for each test.
//!
//! `KITH_TEST_POSTGRES_URL` names a cluster to use instead; its user must be allowed to create roles
//! and databases. Without it, the first test starts a cluster, and a watchdog ends it once no test
//! has used it for a while, also if the tests were killed.

mod start;
mod watchdog;

use std::fs::File;
use std::sync::Arc;

use tokio_postgres::NoTls;

/// What went wrong while a cluster or a database was made ready, for the reader of a failed test.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PostgresError(String);

impl PostgresError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<std::io::Error> for PostgresError {
    fn from(error: std::io::Error) -> Self {
        Self(format!("cannot start PostgreSQL: {error}"))
    }
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        let said = error
            .as_db_error()
            .map_or_else(|| error.to_string(), ToString::to_string);
        Self(format!("PostgreSQL: {said}"))
    }
}

/// A running cluster. It stays for as long as this, or a database in it, is held.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Connects as the superuser.
    admin_url: String,
    /// A shared lock that keeps the watchdog from ending the cluster; none if it is not ours to end.
    _in_use: Option<Arc<File>>,
}

impl Cluster {
    /// The cluster that all tests share.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start.
    pub async fn shared() -> Result<Self, PostgresError> {
        if let Ok(admin_url) = std::env::var("KITH_TEST_POSTGRES_URL") {
            return Ok(Self {
                admin_url,
                _in_use: None,
            });
        }
        start::shared().await
    }

    /// A cluster that no other test uses, to be crashed.
    ///
    /// # Errors
    /// If PostgreSQL is not installed or does not start.
    pub async fn private() -> Result<Self, PostgresError> {
        start::private().await
    }

    /// A fresh, empty database whose owner is no superuser, so that row level security binds it.
    ///
    /// # Errors
    /// If it cannot be created.
    pub async fn database(&self) -> Result<Database, PostgresError> {
        let name = format!("kith_{}", hex::encode(random::<8>()?));
        let password = hex::encode(random::<16>()?);
        run(
            &self.admin_url,
            &[
                format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'"),
                format!("GRANT {name} TO CURRENT_USER"),
                format!("CREATE DATABASE {name} OWNER {name}"),
            ],
        )
        .await?;
        let config: tokio_postgres::Config = self.admin_url.parse()?;
        let host = match config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
            _ => return Err(PostgresError::new("the cluster's URL must name a host")),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        Ok(Database {
            url: format!("postgres://{name}:{password}@{host}:{port}/{name}"),
            name,
            cluster: self.clone(),
        })
    }

    /// Kills one of the cluster's processes the hard way. PostgreSQL then stops all others at once,
    /// as after a crash of the machine, and recovers from its log.
    ///
    /// # Errors
    /// If there is no such process.
    pub async fn crash(&self) -> Result<(), PostgresError> {
        let (client, connection) = tokio_postgres::connect(&self.admin_url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let pid: i32 = client
            .query_one("SELECT pg_backend_pid()", &[])
            .await?
            .try_get(0)?;
        start::kill(pid)?;
        // Ends, with an error, when the server has dropped it.
        let _ = connection.await;
        Ok(())
    }

    /// A connection of the superuser to one of the databases.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn superuser(&self, database: &str) -> Result<tokio_postgres::Client, PostgresError> {
        let mut config: tokio_postgres::Config = self.admin_url.parse()?;
        config.dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// A database of one test, dropped with it.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    cluster: Cluster,
}

impl Database {
    /// Connects as the database's owner.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster that it is in.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A plain connection of the owner.
    ///
    /// # Errors
    /// If it cannot be made.
    pub async fn connect(&self) -> Result<tokio_postgres::Client, PostgresError> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let admin_url = self.cluster.admin_url.clone();
        let statements = [
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
            format!("DROP ROLE IF EXISTS {}", self.name),
        ];
        // A runtime of its own, since the test's may be ending. What remains goes with the cluster.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(run(&admin_url, &statements))
        });
        let _ = dropping.join();
    }
}

async fn run(admin_url: &str, statements: &[String]) -> Result<(), PostgresError> {
    let (client, connection) = tokio_postgres::connect(admin_url, NoTls).await?;
    let connection = tokio::spawn(connection);
    for statement in statements {
        client.batch_execute(statement).await?;
    }
    drop(client);
    let _ = connection.await;
    Ok(())
}

fn random<const N: usize>() -> Result<[u8; N], PostgresError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| PostgresError::new("no randomness for a throwaway password"))?;
    Ok(bytes)
}
