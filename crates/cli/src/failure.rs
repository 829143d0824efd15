//! How the program ends when a command did not do what it was asked to.

use kith_engine::EngineError;

use crate::output::complain;

/// Why a command failed, and with which exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The store, the network or the machine failed.
    pub(crate) fn machine(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// The input is wrong: arguments, settings, definitions.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// The policy refused, or there is nothing in view.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// Settings have these mistakes.
    pub(crate) fn settings(wrong: Vec<String>) -> Self {
        Self::input(format!("the settings have mistakes:\n  {}", wrong.join("\n  ")))
    }

    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    pub(crate) fn report(&self) {
        if !self.message.is_empty() {
            complain(&format!("kith: {}", self.message));
        }
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
            EngineError::Unauthenticated | EngineError::Forbidden(_) | EngineError::RateLimited { .. } => Self::refused(error.to_string()),
            EngineError::Refused(refused) => {
                Self::refused(format!("{error}: {}\naudit entry {}", refused.refusal, refused.audit))
            }
            EngineError::NotFound { audit } => Self::refused(format!("{error}\naudit entry {audit}")),
            EngineError::Invalid { .. }
            | EngineError::Definitions(_)
            | EngineError::Conflict(_)
            | EngineError::NoDefinitions => Self::input(error.to_string()),
            EngineError::AuditUnavailable(cause) => Self::machine(format!("{error}: {cause}")),
            EngineError::Store(_) => Self::machine(error.to_string()),
        }
    }
}
