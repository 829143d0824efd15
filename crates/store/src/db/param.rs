//! What goes into a statement and what comes out of it, the same for both engines: integers, text,
//! bytes and JSON.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use kith_domain::id::{
    AccountId, AgentId, AuditId, CompanyId, DecisionId, EventId, KeyId, MemberId, MessageId,
    NodeId, PersonId, QuarantineId, ReviewId, SecretId, SourceId,
};
use kith_domain::{Timestamp, id::WorkspaceId};
use postgres_types::{FromSql, IsNull, ToSql, Type};
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::StoreError;

/// A parameter of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Param<'a> {
    /// No value.
    Null,
    /// A `BIGINT`: numbers, times in microseconds, flags.
    Int(i64),
    /// A `TEXT`, compared bytewise.
    Text(&'a str),
    /// A `BLOB` or `BYTEA`: ids and hashes.
    Bytes(&'a [u8]),
    /// JSON text: `TEXT` in SQLite, `JSONB` in PostgreSQL.
    Json(&'a str),
}

impl Param<'_> {
    /// PostgreSQL's type of it.
    pub(crate) const fn ty(&self) -> Type {
        match self {
            Self::Null | Self::Int(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
            Self::Json(_) => Type::JSONB,
        }
    }

    /// Refuses what one of the engines cannot hold.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let bad = match self {
            Self::Text(text) => text.contains('\0'),
            Self::Json(text) => has_escaped_nul(text),
            Self::Null | Self::Int(_) | Self::Bytes(_) => false,
        };
        if bad { Err(StoreError::Nul) } else { Ok(()) }
    }
}

/// Whether a JSON text holds NUL, which it writes as `\u0000`.
fn has_escaped_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        // An even number of backslashes before it are escaped backslashes, so this one is an escape.
        let before = json.as_bytes().get(..at).unwrap_or_default();
        before
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count()
            % 2
            == 0
    })
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<Timestamp> for Param<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.micros())
    }
}

impl From<WorkspaceId> for Param<'_> {
    fn from(value: WorkspaceId) -> Self {
        // Workspace numbers are allotted from 1 upwards by the store itself.
        Self::Int(value.0.cast_signed())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(value)
    }
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl<'a> From<&'a $id> for Param<'a> {
            fn from(value: &'a $id) -> Self {
                Self::Bytes(value.as_bytes())
            }
        }
    )*};
}

ids!(
    AccountId,
    AgentId,
    AuditId,
    CompanyId,
    EventId,
    KeyId,
    MemberId,
    MessageId,
    NodeId,
    PersonId,
    QuarantineId,
    ReviewId,
    DecisionId,
    SecretId,
    SourceId
);

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Numbers of versions and the like, which never come near 2^63.
pub(crate) fn int(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::TooLarge)
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) | Self::Json(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl std::fmt::Debug for Param<'_> {
    /// Shows the kind alone: parameters are customer values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int(…)",
            Self::Text(_) => "Text(…)",
            Self::Bytes(_) => "Bytes(…)",
            Self::Json(_) => "Json(…)",
        })
    }
}

type BoxError = Box<dyn Error + Sync + Send>;

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match (self, ty) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Int(value), &Type::INT8) => out.put_i64(*value),
            (Self::Text(text), &Type::TEXT) => out.put_slice(text.as_bytes()),
            (Self::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
            (Self::Json(text), &Type::JSONB) => {
                // The one version of the binary form of `jsonb`.
                out.put_u8(1);
                out.put_slice(text.as_bytes());
            }
            _ => return Err(format!("a parameter of type `{ty}` was not expected").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA | Type::JSONB)
    }

    postgres_types::to_sql_checked!();
}

/// One value of a row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// No value.
    Null,
    /// A number, a time, a flag.
    Int(i64),
    /// Text, or JSON as text.
    Text(String),
    /// An id or a hash.
    Bytes(Vec<u8>),
}

impl Cell {
    /// From SQLite; `None` for a float or for text that is not UTF-8.
    pub(crate) fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(Self::Null),
            ValueRef::Integer(value) => Some(Self::Int(value)),
            ValueRef::Real(_) => None,
            ValueRef::Text(text) => std::str::from_utf8(text)
                .ok()
                .map(|text| Self::Text(text.to_owned())),
            ValueRef::Blob(bytes) => Some(Self::Bytes(bytes.to_vec())),
        }
    }
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(match *ty {
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::TEXT => Self::Text(String::from_sql(ty, raw)?),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            Type::JSONB => match raw.split_first() {
                Some((1, text)) => Self::Text(std::str::from_utf8(text)?.to_owned()),
                _ => return Err("a version of jsonb that is not known".into()),
            },
            _ => return Err(format!("a column of type `{ty}` was not expected").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxError> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::INT8 | Type::INT4 | Type::TEXT | Type::BYTEA | Type::JSONB
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_refused_in_text_and_in_json() {
        let refused = |param: Param<'_>| param.check() == Err(StoreError::Nul);
        assert!(refused(Param::Text("a\0b")));
        assert!(refused(Param::Json(r#"{"a":"\u0000"}"#)));
        assert!(refused(Param::Json(r#"{"a":"\\\u0000"}"#)));
        // A backslash followed by the letters `u0000` is text like any other.
        assert!(!refused(Param::Json(r#"{"a":"\\u0000"}"#)));
        assert!(!refused(Param::Text(r"\u0000")));
    }
}
