//! Reading a JSON body part by part, so that every mistake is reported at once, by its path, and
//! without repeating what was sent.

use kith_domain::value::kind_of;
use serde_json::{Map, Value as Json};

use crate::problem::{FieldProblem, Problem};

/// Collects what is wrong with a body.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldProblem>);

impl Faults {
    pub(crate) fn add(&mut self, field: &str, expected: impl Into<String>) {
        self.0.push(FieldProblem {
            field: field.to_owned(),
            expected: expected.into(),
        });
    }

    /// What was read if nothing was wrong, else the problem that lists it all.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Problem::invalid(self.0)),
        }
    }
}

/// A JSON object at a path of the body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    path: &'a str,
    object: &'a Map<String, Json>,
}

/// Parses a body that must be one JSON object.
pub(crate) fn parse(bytes: &[u8]) -> Result<Map<String, Json>, Problem> {
    let expected = |expected: String| {
        Problem::invalid(vec![FieldProblem {
            field: String::new(),
            expected,
        }])
    };
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(other) => Err(expected(format!(
            "expected a JSON object, found {}",
            kind_of(&other)
        ))),
        Err(error) => Err(expected(format!(
            "expected a JSON object; reading stopped at line {}, column {}",
            error.line(),
            error.column()
        ))),
    }
}

impl<'a> Part<'a> {
    pub(crate) const fn root(object: &'a Map<String, Json>) -> Self {
        Self { path: "", object }
    }

    /// The path of a key.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Reports keys that nothing reads: a misspelt one must not be ignored in silence.
    pub(crate) fn only_keys(&self, faults: &mut Faults, known: &[&str]) {
        for key in self
            .object
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
        {
            let close = kith_domain::diagnostic::nearest(key, known.iter().copied());
            let short: String = key.chars().take(60).collect();
            let hint = match close {
                Some(close) => format!("unknown; did you mean `{close}`?"),
                None => format!("unknown; known here are {}", known.join(", ")),
            };
            faults.add(&self.path(&short), hint);
        }
    }

    /// A text; absent or `null` is `None`.
    pub(crate) fn text(&self, faults: &mut Faults, key: &str) -> Option<&'a str> {
        match self.object.get(key)? {
            Json::Null => None,
            Json::String(text) => Some(text),
            other => {
                faults.add(
                    &self.path(key),
                    format!("expected a text, found {}", kind_of(other)),
                );
                None
            }
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&self, faults: &mut Faults, key: &str) -> Option<&'a str> {
        if matches!(self.object.get(key), None | Some(Json::Null)) {
            faults.add(&self.path(key), "required, expected a text");
            return None;
        }
        self.text(faults, key)
    }

    /// A text that must be there and is read by `FromStr`; its error says what was expected.
    pub(crate) fn required<T>(&self, faults: &mut Faults, key: &str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text = self.required_text(faults, key)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                faults.add(&self.path(key), error.to_string());
                None
            }
        }
    }

    /// The raw value; absent or `null` is `None`.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a Json> {
        self.object.get(key).filter(|json| !json.is_null())
    }

    /// An object; absent or `null` is `None`. The caller keeps the path alive.
    pub(crate) fn object<'b>(
        &self,
        faults: &mut Faults,
        key: &str,
        path: &'b str,
    ) -> Option<Part<'b>>
    where
        'a: 'b,
    {
        match self.raw(key)? {
            Json::Object(object) => Some(Part { path, object }),
            other => {
                faults.add(
                    path,
                    format!("expected an object, found {}", kind_of(other)),
                );
                None
            }
        }
    }
}
