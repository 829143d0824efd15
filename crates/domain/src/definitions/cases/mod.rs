//! Cases: requests, and what the policies must make of them. They stand beside the policies, written
//! for people who answer customers:
//!
//! ```toml
//! [members.sam]
//! roles = ["support"]
//! regions = ["eu"]
//!
//! [account.acme]
//! region = "eu"
//! privateRevenue = "12500 EUR"
//!
//! [[case]]
//! name = "Sam sees Acme, and not what it brings"
//! actor = "sam"
//! purpose = "support.view"
//! account = "acme"
//! expect = "allowed"
//! visible = ["account.region"]
//! hidden = ["account.privateRevenue"]
//! ```
//!
//! Members, agents and named rows may be used in every file of the folder.

mod cast;
mod read;
mod value;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use super::{Place, SourceFile};
use crate::actor::Actor;
use crate::catalog::{Catalog, Entity, FieldIdx, MaskKind};
use crate::diagnostic::Diagnostic;
use crate::proof::ProofMethod;
use crate::purpose::Purpose;
use crate::time::Timestamp;
use crate::value::Value;

/// One request and what must come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What it promises, in a sentence.
    pub name: Arc<str>,
    /// Where it stands.
    pub place: Place,
    /// Its line, from 1.
    pub line: usize,
    /// Who asks, and why; `None` if it is only about where a conversation goes.
    pub asked: Option<Asked>,
    /// The rows that are bound, with what they hold.
    pub rows: BTreeMap<Entity, BTreeMap<FieldIdx, Value>>,
    /// How the end user's identity is proven, if it is.
    pub signed_identity: Option<ProofMethod>,
    /// When it plays.
    pub now: Timestamp,
    /// What must come of it.
    pub expected: Expected,
}

/// Who asks, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// As written: `drafter for sam`.
    pub who: Arc<str>,
    /// The actor.
    pub actor: Actor,
    /// Why.
    pub purpose: Purpose,
}

/// What must come of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expected {
    /// Whether it is answered.
    pub answer: Option<Answer>,
    /// What some fields are in the answer.
    pub states: Vec<(FieldIdx, CaseState)>,
    /// The space that the conversation goes to, or `triage`, or `default`.
    pub routed_to: Option<Arc<str>>,
}

/// What a request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The purpose is allowed, and the rows exist for the asker.
    Allowed,
    /// The rows exist for the asker, and the purpose is refused.
    Refused,
    /// The rows do not exist for the asker.
    NotFound,
}

impl Answer {
    /// Every answer.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Refused, Self::NotFound];

    /// The words in cases.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::NotFound => "not found",
        }
    }
}

impl FromStr for Answer {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|answer| answer.as_str() == text).ok_or(())
    }
}

/// What a field must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseState {
    /// Shown as it is.
    Visible,
    /// Shown through a mask: this one, or any.
    Masked(Option<MaskKind>),
    /// Not shown.
    Hidden,
}

/// Whether this is a file of cases.
pub(super) fn is_test_path(path: &str) -> bool {
    super::read::is_plain_file(path, "tests/", ".toml")
}

/// Reads every file of cases. Without a catalog nothing is said of fields: its own mistakes come first.
pub(super) fn read(
    files: &[SourceFile],
    catalog: Option<&Catalog>,
) -> (Vec<Case>, Vec<Diagnostic>) {
    read::read(
        files.iter().filter(|file| is_test_path(&file.path)),
        catalog,
    )
}

#[cfg(test)]
#[path = "../cases_tests.rs"]
mod tests;
