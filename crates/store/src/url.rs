//! Where a store is: `sqlite:./kith-data` or `postgres://user@host/database`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::StoreError;

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A folder that holds `kith.db` and `audit.db`.
    Sqlite(PathBuf),
    /// A connection string of PostgreSQL, password included.
    Postgres(String),
}

impl StoreUrl {
    /// The store in this folder.
    #[must_use]
    pub fn sqlite(folder: &Path) -> Self {
        Self::Sqlite(folder.to_owned())
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(StoreError::Url(
                    "`sqlite:` wants a folder, such as `sqlite:./kith-data`",
                ))
            } else {
                Ok(Self::Sqlite(path.into()))
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return match text.parse::<tokio_postgres::Config>() {
                Ok(_) => Ok(Self::Postgres(text.to_owned())),
                Err(_) => Err(StoreError::Url(
                    "PostgreSQL cannot read it: expected `postgres://user:password@host/database`",
                )),
            };
        }
        Err(StoreError::Url(
            "expected `sqlite:./kith-data` or `postgres://user:password@host/database`",
        ))
    }
}

/// Shows the engine and the place, never the password.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(folder) => write!(f, "sqlite:{}", folder.display()),
            Self::Postgres(text) => {
                let rest = text
                    .rsplit_once('@')
                    .map_or(text.as_str(), |(_, rest)| rest);
                let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
                let place = rest.split_once('?').map_or(rest, |(place, _)| place);
                write!(f, "postgres://{place}")
            }
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: Option<&str>) {
        let url = text.parse::<StoreUrl>().ok();
        assert_eq!(url.map(|url| url.to_string()).as_deref(), shown, "{text}");
    }

    #[test]
    fn a_url_names_an_engine_and_a_place_and_hides_the_password() {
        check("sqlite:./kith-data", Some("sqlite:./kith-data"));
        check("sqlite:///var/lib/kith", Some("sqlite:/var/lib/kith"));
        check("sqlite:", None);
        check("kith-data", None);
        check("mysql://host/kith", None);
        check(
            "postgres://kith:p%40ss@db.example:5433/kith?sslmode=disable",
            Some("postgres://db.example:5433/kith"),
        );
        check(
            "postgresql:///kith?password=hunter2",
            Some("postgres:///kith"),
        );
        check("postgres://kith:pass@host:notaport/kith", None);
    }
}
