//! Errors as RFC 9457 problem documents, mapped from the engine's errors in this one place.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kith_domain::id::AuditId;
use kith_engine::EngineError;
use kith_policy::Reason;
use serde::Serialize;

/// A problem, to be answered. Boxed, so that a handler's success stays cheap to return.
#[derive(Debug)]
pub(crate) struct Problem(Box<Document>);

/// The document of a problem.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// A stable name for machines.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What happened, the same for every problem of the type.
    title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "status_number")]
    status: StatusCode,
    /// What happened here, and what to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// The parts of the request at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldProblem>,
    /// The audit entry that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_id: Option<AuditId>,
    /// The definitions version that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    definitions_version: Option<u64>,
    /// Why the policy refused, as far as the asker may know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
    /// Seconds to wait before trying again, also sent as `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u32>,
}

/// A part of the request at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldProblem {
    /// Its path: `subject.person.id`.
    pub(crate) field: String,
    /// What was expected, and what to do.
    pub(crate) expected: String,
}

fn status_number<S: serde::Serializer>(
    status: &StatusCode,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub(crate) fn new(kind: &'static str, status: StatusCode, title: &'static str) -> Self {
        Self(Box::new(Document {
            kind,
            title,
            status,
            detail: String::new(),
            fields: Vec::new(),
            audit_id: None,
            definitions_version: None,
            reasons: Vec::new(),
            retry_after_seconds: None,
        }))
    }

    /// Its document, where it is a part of an answer.
    pub(crate) fn document(&self) -> serde_json::Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// The request is not as it must be, in these parts.
    pub(crate) fn invalid(fields: Vec<FieldProblem>) -> Self {
        let mut problem = Self::new(
            "urn:kith:problem:invalid-request",
            StatusCode::BAD_REQUEST,
            "the request is not valid",
        );
        problem.0.detail = "mend what `fields` lists and send the request again".into();
        problem.0.fields = fields;
        problem
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) const fn title(&self) -> &'static str {
        self.0.title
    }

    pub(crate) fn reasons(&self) -> &[Reason] {
        &self.0.reasons
    }

    pub(crate) const fn audit(&self) -> Option<AuditId> {
        self.0.audit_id
    }

    /// What to do, for people at a page; programs are told in the document.
    pub(crate) fn advice(&self) -> Vec<String> {
        if self.0.status == StatusCode::UNAUTHORIZED {
            let words = "check the key: it may be mistyped, revoked, of another server, or it has been an hour";
            return vec![words.to_owned()];
        }
        let fields = self.0.fields.iter();
        let fields = fields.map(|at| format!("`{}`: {}", at.field, at.expected));
        // The detail of mistakes speaks of the document that lists them.
        let detail =
            Some(&self.0.detail).filter(|text| !text.is_empty() && self.0.fields.is_empty());
        detail.cloned().into_iter().chain(fields).collect()
    }

    /// A fault of ours that passes: nothing was lost, try again.
    fn unavailable(kind: &'static str, title: &'static str) -> Self {
        let mut problem = Self::new(kind, StatusCode::SERVICE_UNAVAILABLE, title);
        problem.0.retry_after_seconds = Some(1);
        problem
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unauthenticated => Self::new(
                "urn:kith:problem:unauthenticated",
                StatusCode::UNAUTHORIZED,
                "no valid credential",
            )
            .with_detail("send a live key as `Authorization: Bearer kith_…`"),
            EngineError::Forbidden(detail) => Self::new(
                "urn:kith:problem:forbidden",
                StatusCode::FORBIDDEN,
                "the credential does not open this",
            )
            .with_detail(detail),
            EngineError::Refused(refused) => {
                let mut problem = Self::new(
                    "urn:kith:problem:refused",
                    StatusCode::FORBIDDEN,
                    "purpose refused by policy",
                );
                let words = refused
                    .refusal
                    .reasons
                    .iter()
                    .map(|reason| reason.words.as_str());
                problem.0.detail = words
                    .chain(refused.refusal.hints.iter().map(String::as_str))
                    .collect::<Vec<_>>()
                    .join("; ");
                problem.0.audit_id = Some(refused.audit);
                problem.0.definitions_version = Some(refused.definitions_version);
                problem.0.reasons = refused.refusal.reasons.to_vec();
                problem
            }
            EngineError::NotFound { audit } => {
                let mut problem = Self::new(
                    "urn:kith:problem:not-found",
                    StatusCode::NOT_FOUND,
                    "no such customer in your view",
                );
                problem.0.detail =
                    "check the subject; it may also be outside of what you may see or look up by"
                        .into();
                problem.0.audit_id = Some(audit);
                problem
            }
            EngineError::NotVisible(refused) => {
                let mut problem = Self::new(
                    "urn:kith:problem:field-not-visible",
                    StatusCode::FORBIDDEN,
                    "a filter or sort names a field that is not visible to you",
                );
                problem.0.detail = refused.field.to_string();
                problem.0.audit_id = Some(refused.audit);
                problem.0.definitions_version = Some(refused.definitions_version);
                problem
            }
            EngineError::TooBroad(detail) => Self::new(
                "urn:kith:problem:too-broad",
                StatusCode::UNPROCESSABLE_ENTITY,
                "too many accounts would have to be looked at",
            )
            .with_detail(detail),
            EngineError::RateLimited {
                retry_after_seconds,
            } => {
                let mut problem = Self::new(
                    "urn:kith:problem:rate-limited",
                    StatusCode::TOO_MANY_REQUESTS,
                    "too many look-ups found nobody",
                );
                problem.0.detail = "wait as `Retry-After` says, or ask by Kith's own ids".into();
                problem.0.retry_after_seconds = Some(retry_after_seconds);
                problem
            }
            EngineError::OverQuota(quota) => {
                let mut problem = Self::new(
                    "urn:kith:problem:quota-exceeded",
                    StatusCode::TOO_MANY_REQUESTS,
                    "the key made more requests than it may",
                );
                problem.0.detail =
                    "nothing was done; wait as `Retry-After` says, and go by `RateLimit` from then on"
                        .into();
                problem.0.retry_after_seconds = Some(quota.wait_seconds);
                problem
            }
            EngineError::KeyReused => Self::new(
                "urn:kith:problem:idempotency-key-reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "the idempotency key was used for another write",
            )
            .with_detail("nothing was written; give each write a key of its own"),
            EngineError::Invalid { field, expected } => {
                Self::invalid(vec![FieldProblem { field, expected }])
            }
            EngineError::Definitions(mistakes) => {
                let mut problem = Self::new(
                    "urn:kith:problem:invalid-definitions",
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "the definitions have mistakes",
                );
                problem.0.fields = mistakes
                    .iter()
                    .map(|found| FieldProblem {
                        field: format!("{}:{}:{}", found.file, found.line, found.column),
                        expected: found.message.clone(),
                    })
                    .collect();
                problem
            }
            EngineError::Conflict(detail) => Self::new(
                "urn:kith:problem:conflict",
                StatusCode::CONFLICT,
                "someone else was faster",
            )
            .with_detail(detail),
            EngineError::NoDefinitions => Self::new(
                "urn:kith:problem:no-definitions",
                StatusCode::CONFLICT,
                "the workspace has no definitions yet",
            )
            .with_detail("publish a first version with `kith definitions load`"),
            EngineError::AuditUnavailable(_) => Self::unavailable(
                "urn:kith:problem:audit-unavailable",
                "the audit log cannot be written, so no data leaves",
            )
            .with_detail(
                "nothing was answered; an operator must make the audit log writable again",
            ),
            EngineError::NotInLog(detail) => Self::new(
                "urn:kith:problem:not-in-log",
                StatusCode::NOT_FOUND,
                "the audit log has no such part",
            )
            .with_detail(detail),
            EngineError::LogKey(_) | EngineError::LogBroken => Self::unavailable(
                "urn:kith:problem:audit-log-broken",
                "the audit log cannot be proven",
            )
            .with_detail("an operator finds the cause with `kith audit verify`"),
            EngineError::Store(error) => {
                tracing::error!(%error, "the store did not answer");
                Self::unavailable(
                    "urn:kith:problem:store-unavailable",
                    "the store did not answer",
                )
                .with_detail("try again; if it goes on, an operator finds the cause in the log")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (self.0.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
