//! Reading a JSON body or a query part by part, so that every mistake is reported at once, by its path,
//! and without repeating what was sent.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kith_domain::Timestamp;
use serde_json::{Map, Value as Json};

use crate::problem::{FieldProblem, Problem};
use crate::serve::MAX_BODY_BYTES;

/// Most mistakes that are listed; the rest are counted.
const MAX_FAULTS: usize = 32;
/// Most characters of an unknown key that are repeated.
const MAX_KEY_CHARS: usize = 60;

/// The whole body, unpacked.
pub(crate) struct Whole(pub(crate) Bytes);

/// Why a body could not be taken in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unreadable {
    TooLarge,
    UnknownEncoding,
    Broken,
}

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Unreadable;

    async fn from_request(request: Request, state: &S) -> Result<Self, Unreadable> {
        // Unpacking takes the header away: what is left of it, nothing here can unpack.
        let packed = request.headers().get(header::CONTENT_ENCODING);
        if packed.is_some_and(|encoding| encoding != "identity") {
            return Err(Unreadable::UnknownEncoding);
        }
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Unreadable::TooLarge)
            }
            Err(_) => Err(Unreadable::Broken),
        }
    }
}

impl Unreadable {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn advice(self) -> String {
        match self {
            Self::TooLarge => {
                format!("a body has at most {MAX_BODY_BYTES} bytes, unpacked: send less at once")
            }
            Self::UnknownEncoding => "send the body as it is, or with `gzip`".into(),
            Self::Broken => {
                "the body did not arrive whole, or is not the gzip that it says it is".into()
            }
        }
    }
}

impl Unreadable {
    pub(crate) fn problem(self) -> Problem {
        let (kind, title) = match self {
            Self::TooLarge => (
                "urn:kith:problem:body-too-large",
                "the body is larger than any may be",
            ),
            Self::UnknownEncoding => (
                "urn:kith:problem:unknown-encoding",
                "the body is packed in a way that is not known here",
            ),
            Self::Broken => (
                "urn:kith:problem:unreadable-body",
                "the body cannot be read",
            ),
        };
        Problem::new(kind, self.status(), title).with_detail(self.advice())
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}

/// Collects what is wrong with a body.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    listed: Vec<FieldProblem>,
    beyond: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, field: &str, expected: impl Into<String>) {
        if self.are_enough() {
            self.beyond += 1;
            return;
        }
        self.listed.push(FieldProblem {
            field: field.to_owned(),
            expected: expected.into(),
        });
    }

    fn are_enough(&self) -> bool {
        self.listed.len() >= MAX_FAULTS
    }

    /// What was read if nothing was wrong, else the problem that lists it all.
    pub(crate) fn finish<T>(mut self, read: Option<T>) -> Result<T, Problem> {
        if self.beyond > 0 {
            self.listed.push(FieldProblem {
                field: String::new(),
                expected: format!("{} more mistakes, which are not listed", self.beyond),
            });
        }
        match read {
            Some(value) if self.listed.is_empty() => Ok(value),
            _ => Err(Problem::invalid(self.listed)),
        }
    }
}

/// What kind of JSON this is, in words that repeat nothing of it.
const fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
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

    /// An object that stands at a path.
    pub(crate) const fn at(path: &'a str, object: &'a Map<String, Json>) -> Self {
        Self { path, object }
    }

    /// All of it.
    pub(crate) const fn entries(&self) -> &'a Map<String, Json> {
        self.object
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
            if faults.are_enough() {
                faults.beyond += 1;
                continue;
            }
            let short: String = key.chars().take(MAX_KEY_CHARS).collect();
            let close = kith_domain::diagnostic::nearest(&short, known.iter().copied());
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

    /// A list of texts; absent or `null` is empty.
    pub(crate) fn texts(&self, faults: &mut Faults, key: &str) -> Vec<String> {
        let Some(json) = self.raw(key) else {
            return Vec::new();
        };
        let texts = json.as_array().and_then(|items| {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect()
        });
        texts.unwrap_or_else(|| {
            faults.add(&self.path(key), "expected a list of texts");
            Vec::new()
        })
    }

    /// The objects of a list, each with its path, `accounts.0`; absent or `null` is empty.
    pub(crate) fn objects(
        &self,
        faults: &mut Faults,
        key: &str,
        most: usize,
    ) -> Vec<(String, &'a Map<String, Json>)> {
        let items = match self.raw(key) {
            None => return Vec::new(),
            Some(Json::Array(items)) if items.len() <= most => items,
            Some(Json::Array(_)) => {
                faults.add(&self.path(key), format!("expected at most {most}"));
                return Vec::new();
            }
            Some(other) => {
                let found = kind_of(other);
                faults.add(&self.path(key), format!("expected a list, found {found}"));
                return Vec::new();
            }
        };
        let mut objects = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let path = format!("{}.{place}", self.path(key));
            match item {
                Json::Object(object) => objects.push((path, object)),
                other => {
                    let found = kind_of(other);
                    faults.add(&path, format!("expected an object, found {found}"));
                }
            }
        }
        objects
    }

    /// A time; absent or `null` is `None`.
    pub(crate) fn time(&self, faults: &mut Faults, key: &str) -> Option<Timestamp> {
        let at = Timestamp::parse(self.text(faults, key)?);
        if at.is_none() {
            let expected =
                "expected a date such as `2026-01-31`, or a time such as `2026-01-31T12:00:00Z`";
            faults.add(&self.path(key), expected);
        }
        at
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

/// The parameters of a query, each once.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query, and reports parameters that nothing reads or that came twice.
    pub(crate) fn read(query: &str, faults: &mut Faults, known: &[&str]) -> Self {
        let mut read: Vec<(String, String)> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&&*key) {
                let short: String = key.chars().take(60).collect();
                let hint = match kith_domain::diagnostic::nearest(&key, known.iter().copied()) {
                    Some(close) => format!("unknown; did you mean `{close}`?"),
                    None => format!("unknown; known here are {}", known.join(", ")),
                };
                faults.add(&short, hint);
            } else if read.iter().any(|(held, _)| *held == key) {
                faults.add(&key, "given twice: send it once");
            } else {
                read.push((key.into_owned(), value.into_owned()));
            }
        }
        Self(read)
    }

    /// A parameter; absent or empty is `None`.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(held, _)| held == key);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A parameter that must be there and is read by `FromStr`; its error says what was expected.
    pub(crate) fn required<T>(&self, faults: &mut Faults, key: &str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.text(key) else {
            faults.add(key, "required");
            return None;
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                faults.add(key, error.to_string());
                None
            }
        }
    }

    /// A parameter that is read by `FromStr`.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        faults: &mut Faults,
        key: &str,
        expected: &str,
    ) -> Option<T> {
        let read = self.text(key)?.parse().ok();
        if read.is_none() {
            faults.add(key, expected);
        }
        read
    }
}
