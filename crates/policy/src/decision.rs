//! What a plan says of one bound subject.

use std::sync::Arc;

use kith_domain::{FieldIdx, Purpose};
use serde::Serialize;

use crate::explain;
use crate::plan::Plan;
use crate::policies::StatementId;
use crate::side::SideKind;
use crate::state::State;
use crate::tri::Tri;

/// Everything about one bound subject.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Whether the bound rows exist for the caller. If not, nothing else says anything.
    pub exists: bool,
    /// Whether the purpose is allowed.
    pub verdict: Verdict,
    plan: Plan,
    /// Parallel to the plan's distinct ways of deciding. They say nothing of the verdict.
    states: Vec<State>,
    /// The value of each of the plan's nodes on this subject.
    values: Vec<Tri>,
}

/// Whether a purpose is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// On every side an `allow` holds and no `forbid` applies.
    Allowed {
        /// The statement that allows, for each side.
        reasons: Arc<[Reason]>,
    },
    /// On some side none holds, or a `forbid` applies.
    Refused(Refusal),
}

impl Verdict {
    /// Whether it is allowed.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// Why.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Allowed { reasons } => reasons,
            Self::Refused(refusal) => &refusal.reasons,
        }
    }

    /// The ids of the statements that decided, for the audit log: also where the asker may not see
    /// them.
    pub fn statements(&self) -> impl Iterator<Item = StatementId> {
        self.reasons().iter().filter_map(|reason| reason.decided_by)
    }
}

/// Why a purpose is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The purpose that was asked.
    pub purpose: Purpose,
    /// What stood against it.
    pub reasons: Arc<[Reason]>,
    /// What would make it allowed, as far as the asker may know.
    pub hints: Arc<[String]>,
}

/// What kind of reason it is, for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// The field is a draft.
    Draft,
    /// The purpose reveals no field to anyone.
    NoAudience,
    /// The catalog does not call the field safe for the audience.
    NotSafe,
    /// More sensitive than the audience's ceiling, and no `show` holds.
    AboveCeiling,
    /// Within the audience's ceiling, and nothing lowers it.
    WithinCeiling,
    /// A statement applies.
    Statement,
    /// A statement would allow it, and its condition does not hold.
    NotMet,
    /// No statement speaks of the purpose at all.
    NoStatement,
    /// There is no such row, or none for this caller.
    NotFound,
}

/// Why, in words and for machines. It says nothing of a field that the asker may not see but its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// What kind of reason it is.
    pub code: ReasonCode,
    /// On which side it stands.
    pub side: SideKind,
    /// For people.
    pub words: String,
    /// Where the statement stands, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementRef>,
    /// What it turned on: the names alone, if one of them is a field that the asker may not see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<RestsOn>,
    #[serde(skip)]
    pub(crate) decided_by: Option<StatementId>,
}

impl Reason {
    /// The id of the statement that decided, for the audit log: also where the asker may not see it.
    #[must_use]
    pub const fn decided_by(&self) -> Option<StatementId> {
        self.decided_by
    }
}

/// A statement, as far as the asker may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementRef {
    /// The file, relative to the definitions folder.
    pub file: Arc<str>,
    /// Its first line, from 1.
    pub line: usize,
    /// Its id; absent if it rests on a field that the asker may not see, for it is a hash of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<StatementId>,
    /// Its text; absent if it rests on a field that the asker may not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Arc<str>>,
}

/// Something that a reason turned on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestsOn {
    /// The names of the test: fields and attributes.
    pub names: Vec<Arc<str>>,
    /// The clause and what came of it; absent if a name in it is not for the asker to see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<TestResult>,
}

/// A test and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// `when` or `unless`.
    pub clause: &'static str,
    /// The test, as written: `account.plan == "growth"`.
    pub text: Arc<str>,
    /// Whether it holds; absent if that is unknown.
    pub holds: Option<bool>,
}

impl Decision {
    pub(crate) fn not_found(plan: Plan) -> Self {
        Self {
            exists: false,
            verdict: Verdict::Refused(explain::not_found(&plan.inner)),
            states: Vec::new(),
            plan,
            values: Vec::new(),
        }
    }

    pub(crate) fn new(plan: Plan, states: Vec<State>, values: Vec<Tri>) -> Self {
        let verdict = match &plan.inner.verdict {
            Some(fixed) => fixed.clone(),
            None => explain::row_verdict(&plan.inner, &values, &states),
        };
        Self {
            exists: true,
            verdict,
            states,
            plan,
            values,
        }
    }

    /// The state of a field. It says nothing of the verdict.
    #[must_use]
    pub fn state(&self, field: FieldIdx) -> State {
        self.plan.inner.state(&self.states, field)
    }

    /// Why a field is in its state, for those who see what this decision shows.
    #[must_use]
    pub fn reason(&self, field: FieldIdx) -> Reason {
        explain::field_reason(self, field)
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn states(&self) -> &[State] {
        &self.states
    }

    pub(crate) fn values(&self) -> &[Tri] {
        &self.values
    }
}

const _: () = {
    const fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<crate::Policies>();
    crosses_threads::<Plan>();
    crosses_threads::<Decision>();
};
