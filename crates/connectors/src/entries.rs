//! A JSON object split into its entries, the values untouched: a value that cannot be read spoils
//! itself alone, and nothing is read twice.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// A key and its value.
pub(crate) type Entry<'a> = (Cow<'a, str>, &'a RawValue);

/// The entries of an object, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a>(Vec<Entry<'a>>);

impl<'a> Entries<'a> {
    /// Splits an object; `None` if the text is none, or a key of it cannot be read.
    pub(crate) fn split(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Every value under a key.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &'a RawValue> {
        self.0
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, raw)| *raw)
    }

    /// The value under a key, the last one if there are several, as every parser takes it; `null` is
    /// none.
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.all(key).last().filter(|raw| !is_null(raw))
    }

    /// The text under a key, if it is one.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    /// Whether there is such a key, be it with `null`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.all(key).next().is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.0.iter()
    }
}

pub(crate) fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// A text, or a whole number as its digits: clients send numeric user ids. `None` for all else.
pub(crate) fn scalar(raw: &RawValue) -> Option<String> {
    match serde_json::from_str(raw.get()).ok()? {
        Json::String(text) => Some(text),
        Json::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(key), raw)) = map.next_entry()? {
                    entries.push((key, raw));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
