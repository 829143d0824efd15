//! Requests as callers send them, one client per credential, and what came back.

use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// Longest that a test waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Someone who asks: a member, an agent, or nobody known.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) url: String,
    pub(super) key: Option<String>,
    pub(super) on_behalf_of: Option<String>,
    pub(super) identity_token: Option<Value>,
}

impl Client {
    /// The same, acting for a member.
    #[must_use]
    pub fn on_behalf_of(mut self, member: &str) -> Self {
        self.on_behalf_of = Some(member.to_owned());
        self
    }

    /// The same, with a proof of the end user's identity.
    #[must_use]
    pub fn proving(mut self, token: impl Into<Value>) -> Self {
        self.identity_token = Some(token.into());
        self
    }

    /// The member that this acts for.
    #[must_use]
    pub fn serves(&self) -> Option<&str> {
        self.on_behalf_of.as_deref()
    }

    /// The proof of the end user's identity, if it is a text; else empty.
    #[must_use]
    pub fn proof(&self) -> String {
        let token = self.identity_token.as_ref().and_then(Value::as_str);
        token.unwrap_or_default().to_owned()
    }

    /// Asks for the context of a subject; see [`person`] and [`account`].
    pub async fn ask(&self, purpose: &str, subject: Value) -> Answer {
        let mut body = json!({"purpose": purpose, "subject": subject});
        if let Some(body) = body.as_object_mut() {
            if let Some(member) = &self.on_behalf_of {
                body.insert("onBehalfOf".into(), member.as_str().into());
            }
            if let Some(token) = &self.identity_token {
                body.insert("identityToken".into(), token.clone());
            }
        }
        self.context(body).await
    }

    /// `POST /v1/context` with this body and nothing added.
    pub async fn context(&self, body: Value) -> Answer {
        self.send(Method::POST, "/v1/context", body.to_string())
            .await
    }

    /// `GET /v1/accounts` with these parameters, and the member served.
    pub async fn list(&self, params: &[(&str, &str)]) -> Answer {
        self.list_of("/v1/accounts", params).await
    }

    /// `GET` of a list with these parameters, and the member served.
    pub async fn list_of(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        let served = self.on_behalf_of.as_deref();
        let served = served.map(|member| ("onBehalfOf", member));
        let params = params.iter().copied().chain(served);
        let url = reqwest::Url::parse_with_params(&format!("http://list{path}"), params).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        self.send(Method::GET, &path, Vec::new()).await
    }

    /// `GET` with this credential.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Vec::new()).await
    }

    /// Any request with this credential.
    pub async fn send(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send_with(method, path, &headers, body).await
    }

    /// Any request with this credential and these headers.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .timeout(TIMEOUT)
            .body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// The credential's text.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }
}

/// A person by their user id, as a subject.
#[must_use]
pub fn person(user_id: &str) -> Value {
    json!({"person": {"type": "userId", "value": user_id}})
}

/// An account by its group id, as a subject.
#[must_use]
pub fn account(group_id: &str) -> Value {
    json!({"account": {"type": "groupId", "value": group_id}})
}

/// A person in an account, as a subject.
#[must_use]
pub fn person_in(user_id: &str, group_id: &str) -> Value {
    json!({
        "person": {"type": "userId", "value": user_id},
        "account": {"type": "groupId", "value": group_id},
    })
}

/// A source that delivers facts under its write key.
#[derive(Debug, Clone)]
pub struct Source {
    pub(super) http: reqwest::Client,
    pub(super) url: String,
    pub(super) key: String,
}

macro_rules! calls {
    ($($name:ident)*) => {
        $(
            /// Delivers one message of this kind to its route.
            pub async fn $name(&self, message: Value) -> Answer {
                self.post(concat!("/v1/", stringify!($name)), message.to_string()).await
            }
        )*
    };
}

impl Source {
    calls! { identify group track page screen alias }

    /// Delivers messages that name their `type`, in one batch.
    pub async fn batch(&self, messages: impl IntoIterator<Item = Value>) -> Answer {
        let batch: Vec<Value> = messages.into_iter().collect();
        self.post("/v1/batch", json!({"batch": batch}).to_string())
            .await
    }

    /// Delivers messages in one batch, which must be taken.
    pub async fn deliver(&self, messages: impl IntoIterator<Item = Value>) {
        self.batch(messages).await.expect(200);
    }

    /// Any body, with the write key as Segment's libraries send it.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.post_with(path, &[], body).await
    }

    /// Any body with more headers.
    pub async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let mut request = self
            .http
            .post(format!("{}{path}", self.url))
            .timeout(TIMEOUT)
            .basic_auth(&self.key, Some(""))
            .body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// The address of a route of the server.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The write key's text.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What came back.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub json: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self {
            status,
            headers,
            text,
            json,
        }
    }

    /// This answer, if it has the status.
    ///
    /// # Panics
    /// If it has another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The last part of a problem's type: `not-found`; empty if this is no problem document.
    #[must_use]
    pub fn problem(&self) -> &str {
        let is_problem = self.header("content-type") == "application/problem+json";
        let kind = self.json.get("type").and_then(Value::as_str);
        kind.filter(|_| is_problem)
            .and_then(|kind| kind.strip_prefix("urn:kith:problem:"))
            .unwrap_or_default()
    }

    /// A header's text; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// The entry of a field by its path, `account.plan`; null if the answer does not hold it.
    #[must_use]
    pub fn field(&self, path: &str) -> &Value {
        let mut found = Some(&self.json);
        for key in path.split('.') {
            found = found.and_then(|json| json.get(key));
        }
        found.unwrap_or(&Value::Null)
    }

    /// The value of a field; null if there is none or the answer does not hold it.
    #[must_use]
    pub fn value(&self, path: &str) -> &Value {
        self.field(path).get("value").unwrap_or(&Value::Null)
    }

    /// `visible`, `masked with KIND`, `withheld`, or nothing if the answer does not speak of the field.
    #[must_use]
    pub fn state(&self, path: &str) -> String {
        let state = self.field(path).get("state").and_then(Value::as_str);
        let mask = self.field(path).get("mask").and_then(Value::as_str);
        match (state, mask) {
            (Some(state), Some(mask)) => format!("{state} with {mask}"),
            (Some(state), None) => state.to_owned(),
            _ if self.withheld().any(|field| field == path) => "withheld".to_owned(),
            _ => String::new(),
        }
    }

    /// The paths of the fields that are withheld.
    pub fn withheld(&self) -> impl Iterator<Item = &str> {
        let items = self.json.get("withheld").and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(|item| item.get("field")?.as_str())
    }

    /// The names of the journey's events, the newest first.
    #[must_use]
    pub fn journey(&self) -> Vec<&str> {
        let items = self.json.get("journey").and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(|item| item.get("event")?.as_str())
            .collect()
    }

    /// The audit entry that the answer names; empty if it names none.
    #[must_use]
    pub fn audit_id(&self) -> &str {
        let id = self.json.get("auditId").and_then(Value::as_str);
        id.unwrap_or_default()
    }

    /// The body without the audit entry's id, which differs from answer to answer.
    #[must_use]
    pub fn text_without_audit_id(&self) -> String {
        match self.audit_id() {
            "" => self.text.clone(),
            id => self.text.replace(id, "aud_…"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.text)
    }
}
