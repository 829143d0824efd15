//! Values of named rows, read as a source would deliver them, or as policies write them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use toml::de::{DeTable, DeValue};

use crate::catalog::{Catalog, Entity, FieldIdx, Lifecycle};
use crate::definitions::table::{Reader, span_of};
use crate::diagnostic::nearest;
use crate::value::{Currency, FieldType, Value};

/// The values of one row. Without a catalog nothing is known of it.
pub(super) fn row(
    reader: &mut Reader<'_>,
    entity: Entity,
    table: &DeTable<'_>,
    catalog: Option<&Catalog>,
) -> BTreeMap<FieldIdx, Value> {
    let mut values = BTreeMap::new();
    let Some(catalog) = catalog else {
        return values;
    };
    for (key, value) in table {
        let path = format!("{entity}.{}", key.get_ref());
        let Some((idx, field)) = catalog
            .find(&path)
            .and_then(|idx| Some((idx, catalog.get(idx)?)))
        else {
            unknown_field(reader, &path, span_of(key), catalog);
            continue;
        };
        if field.lifecycle == Lifecycle::Draft {
            let message = format!("`{path}` is a draft and never has a value");
            let hint = "leave it out until the field is active".to_owned();
            reader.error("draft-field", span_of(key), message, hint);
            continue;
        }
        match field.ty.read_payload(&json(value.get_ref(), &field.ty)) {
            Ok(value) => {
                values.insert(idx, value);
            }
            Err(error) => {
                let message = format!("`{path}` takes {}", error.expected);
                reader.error("wrong-value", span_of(value), message, None);
            }
        }
    }
    values
}

/// A path that names no field.
pub(super) fn unknown_field(
    reader: &mut Reader<'_>,
    path: &str,
    span: crate::Span,
    catalog: &Catalog,
) {
    let known = catalog.fields().iter().map(|field| field.path.as_str());
    let hint = match nearest(path, known) {
        Some(close) => format!("did you mean `{close}`?"),
        None => {
            "fields are written as `account.plan`; those of an entity stand in `fields/`".to_owned()
        }
    };
    reader.error(
        "unknown-field",
        span,
        format!("the catalog has no field `{path}`"),
        hint,
    );
}

fn json(value: &DeValue<'_>, ty: &FieldType) -> Json {
    match value {
        DeValue::String(text) => money(text, ty).unwrap_or_else(|| json!(**text)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| json!(number.as_str()), |number| json!(number)),
        // As text: a float of TOML means the digits that were written.
        DeValue::Float(number) => json!(number.as_str()),
        DeValue::Boolean(value) => json!(value),
        DeValue::Datetime(at) => json!(at.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref(), ty)).collect(),
        DeValue::Table(table) => {
            let inner = table.iter().map(|(key, value)| {
                (
                    key.get_ref().to_string(),
                    json(value.get_ref(), &FieldType::String),
                )
            });
            Json::Object(inner.collect::<Map<_, _>>())
        }
    }
}

/// `12500 EUR`, as policies write it.
fn money(text: &str, ty: &FieldType) -> Option<Json> {
    let FieldType::Decimal { currency: Some(_) } = ty else {
        return None;
    };
    let (amount, currency) = text.split_once(' ')?;
    let currency: Currency = currency.trim().parse().ok()?;
    Some(json!({ "amount": amount, "currency": currency.as_str() }))
}
