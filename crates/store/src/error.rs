//! What can go wrong in the store. An error never repeats a value: engines' messages are kept only
//! where they can speak of nothing but SQL.

use std::fmt;

/// Why the store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The text is no store URL.
    #[error("not a store URL: {0}")]
    Url(&'static str),
    /// The name is no name of a node.
    #[error("a node's name is small letters, digits and `-`, at most 63: choose another one")]
    NodeName,
    /// Row level security does not bind the role.
    #[error(
        "the PostgreSQL role is a superuser or has BYPASSRLS, so row level security does not bind it: connect as an ordinary role that owns the database"
    )]
    UnboundRole,
    /// The store was written by a newer Kith.
    #[error(
        "the store has schema version {found} and this Kith knows versions up to {known}: start the Kith that wrote it, or a newer one"
    )]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// A row that this Kith cannot have written.
    #[error("corrupt row in `{table}` at key `{key}`: cannot read `{column}`")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key: an id or a number, never a customer's value.
        key: String,
        /// The column that cannot be read.
        column: &'static str,
    },
    /// Something of that name or number is there already.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// A text with NUL, which PostgreSQL cannot hold.
    #[error("a text holds a NUL character, which cannot be stored: remove it")]
    Nul,
    /// A number beyond 63 bits.
    #[error("a number is too large to be stored")]
    TooLarge,
    /// A closure awaited something else than its transaction.
    #[error("a transaction waits on nothing but the database")]
    Waits,
    /// A closure panicked; its transaction was rolled back.
    #[error("a transaction panicked and was rolled back")]
    Panicked,
    /// A statement did not name the workspace that its transaction is for.
    #[error("a statement is not bound to the workspace of its transaction")]
    OutOfScope,
    /// The database cannot be reached, is busy for too long, or cannot write.
    #[error("the database is unavailable: {0}")]
    Unavailable(Cause),
    /// A scan was not done in time and was interrupted.
    #[error("the database took too long, and was interrupted: ask for less")]
    TooSlow,
    /// The database refused a statement.
    #[error("the database refused a statement: {0}")]
    Refused(Cause),
}

impl StoreError {
    /// Whether trying the same again later may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::TooSlow)
    }

    /// Puts words to a broken uniqueness rule; other errors stay as they are.
    pub(crate) fn or_conflict(self, what: &'static str) -> Self {
        match self {
            Self::Conflict(_) => Self::Conflict(what),
            other => other,
        }
    }
}

/// What the engine said, reduced to what cannot hold a value.
#[derive(Clone, PartialEq, Eq)]
pub struct Cause(Box<str>);

impl Cause {
    pub(crate) fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const NOT_UNIQUE: &str = "a row with this key exists";

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;

        let rusqlite::Error::SqliteFailure(failure, message) = error else {
            // The others are mistakes in the call; their texts may quote a value.
            return Self::Refused(Cause::new("a value has a type that was not expected"));
        };
        let said = ffi::code_to_str(failure.extended_code);
        match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                Self::Conflict(NOT_UNIQUE)
            }
            // Errors of this class speak of the SQL text alone.
            ffi::SQLITE_ERROR => Self::Refused(Cause::new(message.unwrap_or_else(|| said.into()))),
            _ => match failure.code {
                ffi::ErrorCode::OperationInterrupted => Self::TooSlow,
                ffi::ErrorCode::ConstraintViolation
                | ffi::ErrorCode::TypeMismatch
                | ffi::ErrorCode::TooBig
                | ffi::ErrorCode::ApiMisuse
                | ffi::ErrorCode::ParameterOutOfRange => Self::Refused(Cause::new(said)),
                _ => Self::Unavailable(Cause::new(format!(
                    "{said} (SQLite error {})",
                    failure.extended_code
                ))),
            },
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;

        let Some(said) = error.as_db_error() else {
            // Without an answer of the server: a broken connection, or a value of another type.
            return if error.is_closed() || has_io_cause(&error) {
                Self::Unavailable(Cause::new("the connection to PostgreSQL was lost"))
            } else {
                Self::Refused(Cause::new(
                    "a value or the connection is not as PostgreSQL expects it",
                ))
            };
        };
        let code = said.code();
        if *code == SqlState::UNIQUE_VIOLATION {
            return Self::Conflict(NOT_UNIQUE);
        }
        if *code == SqlState::QUERY_CANCELED {
            return Self::TooSlow;
        }
        let class = code.code().get(..2).unwrap_or_default();
        match class {
            // Connection, resources, shutdown, system, serialization: worth another try.
            "08" | "53" | "57" | "58" | "40" | "55" => {
                Self::Unavailable(Cause::new(format!("PostgreSQL error {}", code.code())))
            }
            // Syntax, missing tables, privileges, wrong password: the text speaks of SQL and names.
            "42" | "28" | "3D" => Self::Refused(Cause::new(format!(
                "{} (PostgreSQL error {})",
                said.message(),
                code.code()
            ))),
            _ => Self::Refused(Cause::new(format!("PostgreSQL error {}", code.code()))),
        }
    }
}

fn has_io_cause(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => match Self::from(error) {
                // While a connection is made, there are no values yet that could be wrong.
                Self::Refused(cause) => Self::Unavailable(cause),
                other => other,
            },
            deadpool_postgres::PoolError::Timeout(_) => Self::Unavailable(Cause::new(
                "no connection to PostgreSQL became free in time",
            )),
            _ => Self::Unavailable(Cause::new("the pool of PostgreSQL connections is closed")),
        }
    }
}
