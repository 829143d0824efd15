//! Cases beside policies, run: does what was promised still hold, and which statements were never put
//! to the test?
//!
//! Every case is decided twice, by the plan that serves requests and by the direct evaluator; a case
//! holds only if both agree.

mod coverage;
mod judge;

use std::sync::Arc;

use kith_domain::definitions::SourceFile;
use kith_domain::{Case, Diagnostic, Purpose};
use serde::Serialize;

pub use coverage::{ClauseCoverage, StatementCoverage};

use crate::policies::Policies;

/// What came of every case, and what the cases cover.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// In order of file path, then position.
    pub cases: Vec<CaseResult>,
    /// Every statement, in order of file path, then position.
    pub statements: Vec<StatementCoverage>,
    #[serde(skip)]
    spans: Vec<kith_domain::Span>,
}

/// What came of one case.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaseResult {
    /// What it promises.
    pub name: Arc<str>,
    /// The file, relative to the definitions folder.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// Who asked, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Arc<str>>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// What was otherwise than promised; nothing if it holds.
    pub failures: Vec<Failure>,
}

/// Something that was otherwise than promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// `the answer`, `account.plan`, or `the route`.
    pub of: String,
    /// What the case says.
    pub expected: String,
    /// What came of it.
    pub actual: String,
    /// What decided.
    pub because: Vec<Because>,
}

/// What decided: a statement, or a sentence where none did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// In words.
    pub words: String,
    /// The statement that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Place>,
}

/// A statement and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The file, relative to the definitions folder.
    pub file: Arc<str>,
    /// Its first line, from 1.
    pub line: usize,
    /// Its text.
    pub text: Arc<str>,
}

/// Runs cases against the policies of the definitions that they were read with.
#[must_use]
pub fn run(policies: &Policies, cases: &[Case]) -> Report {
    let mut coverage = coverage::Coverage::new(policies);
    let results = cases
        .iter()
        .map(|case| judge::judge(policies, case, &mut coverage));
    Report {
        cases: results.collect(),
        statements: coverage.into_statements(),
        spans: cases.iter().map(|case| case.place.span).collect(),
    }
}

impl Report {
    /// The cases that do not hold.
    pub fn failed(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases.iter().filter(|case| !case.failures.is_empty())
    }

    /// One error for everything that is otherwise than promised. `files` are those of the definitions.
    #[must_use]
    pub fn diagnostics(&self, files: &[SourceFile]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (case, span) in self.cases.iter().zip(&self.spans) {
            let file = files.iter().find(|file| file.path == case.file);
            let text = file.map_or("", |file| file.text.as_str());
            for failure in &case.failures {
                let message = format!("this case fails: {}", case.words(failure));
                let finding = Diagnostic::error("case-failed", &case.file, text, *span, message);
                let because: Vec<_> = failure.because.iter().map(Because::in_short).collect();
                found.push(if because.is_empty() {
                    finding
                } else {
                    finding.with_hint(because.join("; "))
                });
            }
        }
        found
    }
}

impl CaseResult {
    /// What was otherwise than promised, in a sentence.
    #[must_use]
    pub fn words(&self, failure: &Failure) -> String {
        let Failure {
            of,
            expected,
            actual,
            ..
        } = failure;
        let asked = match (&self.actor, self.purpose) {
            (Some(actor), Some(purpose)) => format!(" for `{actor}` under `{purpose}`"),
            _ => String::new(),
        };
        let of = if of.contains('.') {
            format!("`{of}`")
        } else {
            of.clone()
        };
        format!("{of}{asked} is `{actual}`, not `{expected}`")
    }
}

impl Because {
    /// On one line, with the place.
    #[must_use]
    pub fn in_short(&self) -> String {
        match &self.statement {
            Some(Place { file, line, .. }) if !self.words.contains(&**file) => {
                format!("{} ({file}:{line})", self.words)
            }
            _ => self.words.clone(),
        }
    }
}
