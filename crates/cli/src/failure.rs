//! How the program ends when a command did not do what it was asked to: a message that says what
//! and what to do next, and an exit code.

use kith_engine::{EngineError, Refused};
use kith_policy::{Reason, SideKind};
use kith_store::{StoreError, StoreUrl};
use serde_json::{Map, Value as Json, json};

use crate::output::{Output, complain};

/// Why a command failed, and with which exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// What machines get beside the message.
    more: Map<String, Json>,
}

impl Failure {
    /// The store, the network or the machine failed.
    pub(crate) fn machine(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    /// What was looked for was found, and should not be there.
    pub(crate) fn found(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    /// The input is wrong: arguments, settings, definitions.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// The policy refused, or there is nothing in view.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    /// The audit log is not what was signed.
    pub(crate) fn broken_log(message: impl Into<String>, report: Json) -> Self {
        Self::new(4, message).with("report", report)
    }

    /// Settings have these mistakes.
    pub(crate) fn settings(wrong: &[String]) -> Self {
        let mistakes = crate::output::count(wrong.len(), "mistake");
        let message = format!("the settings have {mistakes}:\n  {}", wrong.join("\n  "));
        Self::input(message).with("mistakes", json!(wrong))
    }

    /// The store could not be opened.
    pub(crate) fn store(url: &StoreUrl, error: &EngineError) -> Self {
        let next = match (url, error) {
            (_, EngineError::Store(StoreError::NewerSchema { .. })) => String::new(),
            (_, EngineError::Store(StoreError::NodeName)) => String::new(),
            (StoreUrl::Sqlite(_), _) => {
                "\ncheck that the folder can be written, or name another one with `KITH_STORE_URL=sqlite:FOLDER`"
                    .to_owned()
            }
            (StoreUrl::Postgres(_), _) => {
                "\ncheck that PostgreSQL runs there, and host, port, user, password and database in `KITH_STORE_URL`"
                    .to_owned()
            }
        };
        Self::machine(format!("cannot open the store `{url}`: {error}{next}"))
    }

    fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            more: Map::new(),
        }
    }

    fn with(mut self, key: &str, value: Json) -> Self {
        self.more.insert(key.to_owned(), value);
        self
    }

    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    /// Says it on standard error.
    pub(crate) fn report(&self, output: Output) {
        if !output.json {
            return complain(&format!("kith: {}", self.message));
        }
        let mut json = Map::new();
        json.insert("error".to_owned(), json!(self.message));
        json.insert("exitCode".to_owned(), json!(self.code));
        json.extend(self.more.clone());
        complain(&Json::Object(json).to_string());
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::machine(error.to_string())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Unauthenticated | EngineError::Forbidden(_) => {
                Self::refused(error.to_string())
            }
            EngineError::Refused(refused) => refusal(refused),
            EngineError::NotFound { audit } => {
                let message = format!(
                    "{error}: check the subject; it may also be outside of what the key's holder may see or look up by\naudit entry {audit}"
                );
                Self::refused(message).with("auditId", json!(audit))
            }
            EngineError::Invalid { .. }
            | EngineError::Definitions(_)
            | EngineError::Conflict(_)
            | EngineError::NotVisible(_)
            | EngineError::TooBroad(_)
            | EngineError::KeyReused
            | EngineError::NotInLog(_)
            | EngineError::NoDefinitions => Self::input(error.to_string()),
            EngineError::AuditUnavailable(cause) => Self::machine(format!("{error}: {cause}")),
            EngineError::RateLimited { .. }
            | EngineError::OverQuota(_)
            | EngineError::LogKey(_)
            | EngineError::LogBroken
            | EngineError::Store(_) => Self::machine(error.to_string()),
        }
    }
}

fn refusal(refused: &Refused) -> Failure {
    let Refused {
        audit,
        definitions_version,
        refusal,
    } = refused;
    let mut message = format!("the policy refuses `{}`", refusal.purpose);
    for reason in refusal.reasons.iter() {
        message.push_str("\n  ");
        message.push_str(&because(reason));
    }
    for hint in refusal.hints.iter() {
        message.push_str("\n  ");
        message.push_str(hint);
    }
    message.push_str(&format!("\naudit entry {audit}"));
    Failure::refused(message)
        .with("auditId", json!(audit))
        .with("definitionsVersion", json!(definitions_version))
        .with("reasons", json!(refusal.reasons))
        .with("hints", json!(refusal.hints))
}

/// A reason in words, with the side on which it stands if that is not the asker's own.
pub(crate) fn because(reason: &Reason) -> String {
    match reason.side {
        SideKind::Asker => reason.words.clone(),
        SideKind::Member => format!("for the member served: {}", reason.words),
    }
}
