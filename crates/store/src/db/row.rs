//! Reading rows. A row that cannot be read is an error that names table, key and column, and never
//! the value.

use kith_domain::{Timestamp, id::WorkspaceId};
use serde_json::{Map, Value as Json};

use super::param::Cell;
use crate::StoreError;

/// One row of an answer.
pub(crate) struct Row {
    pub(super) cells: Vec<Cell>,
}

impl Row {
    /// Reads the columns one after the other, in the order of the `SELECT`. The first column is the
    /// row's key in error messages, unless it is text.
    pub(crate) fn columns(&self, table: &'static str) -> Columns<'_> {
        Columns {
            table,
            row: self,
            next: 0,
        }
    }
}

/// Walks over the columns of one row.
pub(crate) struct Columns<'r> {
    table: &'static str,
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn corrupt(&self, column: &'static str) -> StoreError {
        let key = match self.row.cells.first() {
            Some(Cell::Int(value)) => value.to_string(),
            Some(Cell::Bytes(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            // Texts may be customer values.
            _ => "?".into(),
        };
        StoreError::Corrupt {
            table: self.table,
            key,
            column,
        }
    }

    /// Goes on with the columns of another table, which a join put behind.
    pub(crate) fn continued(self, table: &'static str) -> Self {
        Self { table, ..self }
    }

    fn cell(&mut self) -> Option<&'r Cell> {
        let cell = self.row.cells.get(self.next);
        self.next += 1;
        cell
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.row.cells.get(self.next), Some(Cell::Null))
    }

    /// `None` for NULL, else what `read` makes of the column.
    pub(crate) fn opt<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.is_null() {
            self.next += 1;
            return Ok(None);
        }
        read(self, column).map(Some)
    }

    pub(crate) fn int(&mut self, column: &'static str) -> Result<i64, StoreError> {
        match self.cell() {
            Some(Cell::Int(value)) => Ok(*value),
            _ => Err(self.corrupt(column)),
        }
    }

    /// All that are left.
    pub(crate) fn ints(&mut self, column: &'static str) -> Result<Vec<i64>, StoreError> {
        let left = self.row.cells.len().saturating_sub(self.next);
        (0..left).map(|_| self.int(column)).collect()
    }

    pub(crate) fn number(&mut self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn flag(&mut self, column: &'static str) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn time(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_micros)
    }

    pub(crate) fn workspace(&mut self, column: &'static str) -> Result<WorkspaceId, StoreError> {
        self.number(column).map(WorkspaceId)
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        match self.cell() {
            Some(Cell::Text(text)) => Ok(text),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn string(&mut self, column: &'static str) -> Result<String, StoreError> {
        self.text(column).map(str::to_owned)
    }

    pub(crate) fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        match self.cell() {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn hash(&mut self, column: &'static str) -> Result<[u8; 32], StoreError> {
        let bytes = self.bytes(column)?;
        bytes.try_into().map_err(|_| self.corrupt(column))
    }

    /// An id, read by its `from_slice`.
    pub(crate) fn id<T>(
        &mut self,
        column: &'static str,
        from_slice: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, StoreError> {
        from_slice(self.bytes(column)?).ok_or_else(|| self.corrupt(column))
    }

    /// A word out of a closed set.
    pub(crate) fn word<T: Copy>(
        &mut self,
        column: &'static str,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Result<T, StoreError> {
        let text = self.text(column)?;
        all.iter()
            .copied()
            .find(|word| as_str(*word) == text)
            .ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn json(&mut self, column: &'static str) -> Result<Json, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn object(&mut self, column: &'static str) -> Result<Map<String, Json>, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn words(&mut self, column: &'static str) -> Result<Vec<String>, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|_| self.corrupt(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrupt_row_names_table_key_and_column_and_never_the_value() {
        let row = Row {
            cells: vec![Cell::Bytes(vec![0xab, 0x01]), Cell::Text("hunter2".into())],
        };
        let mut columns = row.columns("key");
        columns.bytes("id").unwrap();
        assert_eq!(
            columns.int("created_at").unwrap_err().to_string(),
            "corrupt row in `key` at key `ab01`: cannot read `created_at`"
        );
        let row = Row {
            cells: vec![Cell::Text("ada@example.com".into())],
        };
        let error = row.columns("identifier").int("value").unwrap_err();
        assert!(!error.to_string().contains("ada"));
    }
}
