//! Which statements the cases put to the test. A statement counts where it has a say: an `allow` under
//! its purposes, a `hide` where an answer was given, a `limit` where such a row was bound.

use std::sync::Arc;

use serde::Serialize;

use crate::ir::NodeId;
use crate::policies::{Inner, Policies, StatementIdx};
use crate::reference::{View, is_limited, met};
use crate::subject::Subject;
use crate::tri::Tri;

/// How often a statement was put to the test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementCoverage {
    /// The file, relative to the definitions folder.
    pub file: Arc<str>,
    /// Its first line, from 1.
    pub line: usize,
    /// Its text.
    pub text: Arc<str>,
    /// Times that it applied.
    pub applied: u64,
    /// Times that it could have and did not.
    pub not_applied: u64,
    /// Its clauses.
    pub clauses: Vec<ClauseCoverage>,
}

/// How often a clause held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClauseCoverage {
    /// `when`, `unless`, or `to` of a limit.
    pub clause: &'static str,
    /// Times that it was true.
    pub holds: u64,
    /// Times that it was false.
    pub fails: u64,
    /// Times that it was unknown.
    pub unknown: u64,
}

impl StatementCoverage {
    /// Whether the cases show it at work and at rest, and each of its clauses both ways. A statement
    /// without clauses always applies.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let both_ways = self.clauses.iter().all(ClauseCoverage::is_complete);
        self.applied > 0 && both_ways && (self.not_applied > 0 || self.clauses.is_empty())
    }
}

impl ClauseCoverage {
    /// Whether it was true in some case and false in another.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.holds > 0 && self.fails > 0
    }
}

/// The count of all statements.
pub(super) struct Coverage<'a> {
    policies: &'a Inner,
    statements: Vec<StatementCoverage>,
}

impl<'a> Coverage<'a> {
    pub(super) fn new(policies: &'a Policies) -> Self {
        let inner = &*policies.0;
        let mut statements: Vec<_> = inner
            .statements
            .iter()
            .map(|statement| {
                let clauses = [("when", statement.when), ("unless", statement.unless)];
                let written = clauses.iter().filter(|(_, node)| node.is_some());
                StatementCoverage {
                    file: Arc::clone(&statement.file),
                    line: statement.line,
                    text: Arc::clone(&statement.text),
                    applied: 0,
                    not_applied: 0,
                    clauses: written.map(|(clause, _)| untested(clause)).collect(),
                }
            })
            .collect();
        for limit in &inner.limits {
            if let Some(statement) = statements.get_mut(limit.statement.index()) {
                statement.clauses.insert(0, untested("to"));
            }
        }
        Self {
            policies: inner,
            statements,
        }
    }

    pub(super) fn into_statements(self) -> Vec<StatementCoverage> {
        self.statements
    }

    /// Counts what one request asked of the statements. `is_answered` says that its fields are shown.
    pub(super) fn request(&mut self, views: &[View<'_>], subject: &Subject<'_>, is_answered: bool) {
        let policies = self.policies;
        for (position, view) in views.iter().enumerate() {
            for limit in &policies.limits {
                if is_limited(subject, limit.entity) {
                    let value = |node| view.own_value(node);
                    self.clause(limit.statement, "to", value(limit.predicate));
                    self.statement(limit.statement, Tri::restricts, value);
                }
            }
            let on_purposes = [
                (&policies.allow, Tri::grants as fn(Tri) -> bool),
                (&policies.forbid, Tri::restricts),
            ];
            for (statements, applies) in on_purposes {
                for idx in statements.get(&view.side.purpose).into_iter().flatten() {
                    // The first side reads what the request emits, the member's side its own states.
                    self.statement(*idx, applies, |node| {
                        if position == 0 {
                            view.value(node, &|field| met(views, field))
                        } else {
                            view.own_value(node)
                        }
                    });
                }
            }
            if is_answered && view.side.purpose.audience().is_some() {
                self.fields(view);
            }
        }
    }

    fn fields(&mut self, view: &View<'_>) {
        for (position, statement) in (0..).zip(&self.policies.statements) {
            let applies = match statement.keyword {
                "show" => Tri::grants,
                "mask" | "hide" => Tri::restricts,
                _ => continue,
            };
            self.statement(StatementIdx(position), applies, |node| view.own_value(node));
        }
    }

    /// Counts one look at a statement.
    pub(super) fn statement(
        &mut self,
        idx: StatementIdx,
        applies: impl Fn(Tri) -> bool,
        value: impl Fn(NodeId) -> Tri,
    ) {
        let Some(statement) = self.policies.statement(idx) else {
            return;
        };
        if let Some(counted) = self.statements.get_mut(idx.index()) {
            if applies(value(statement.condition)) {
                counted.applied += 1;
            } else {
                counted.not_applied += 1;
            }
        }
        for (clause, node) in [("when", statement.when), ("unless", statement.unless)] {
            if let Some(node) = node {
                self.clause(idx, clause, value(node));
            }
        }
    }

    fn clause(&mut self, idx: StatementIdx, clause: &str, value: Tri) {
        let counted = self.statements.get_mut(idx.index());
        let mut clauses = counted.into_iter().flat_map(|counted| &mut counted.clauses);
        if let Some(counted) = clauses.find(|counted| counted.clause == clause) {
            match value {
                Tri::True => counted.holds += 1,
                Tri::False => counted.fails += 1,
                Tri::Unknown => counted.unknown += 1,
            }
        }
    }
}

const fn untested(clause: &'static str) -> ClauseCoverage {
    ClauseCoverage {
        clause,
        holds: 0,
        fails: 0,
        unknown: 0,
    }
}
