//! One case: what was promised beside what the policies say, and what decided.

use std::sync::Arc;

use kith_domain::definitions::{Answer, CaseState};
use kith_domain::{Case, Entity, FieldIdx};

use super::coverage::Coverage;
use super::{Because, CaseResult, Failure, Place};
use crate::decision::{Decision, Reason};
use crate::policies::{Policies, StatementId};
use crate::reference::{self, View, is_limited};
use crate::route::{Route, value};
use crate::state::State;
use crate::subject::{Row, SignedIdentity, Subject};
use crate::tri::Tri;

pub(super) fn judge(policies: &Policies, case: &Case, coverage: &mut Coverage<'_>) -> CaseResult {
    let rows: Vec<(Entity, Row)> = case
        .rows
        .iter()
        .map(|(entity, values)| {
            let mut row = Row::new();
            for (field, value) in values {
                row.set(*field, value.clone());
            }
            (*entity, row)
        })
        .collect();
    let mut subject = Subject {
        signed_identity: SignedIdentity {
            proven: case.signed_identity.is_some(),
            method: case.signed_identity,
        },
        ..Subject::default()
    };
    for (entity, row) in &rows {
        subject.bind(*entity, row);
    }
    let mut judge = Judge {
        policies,
        case,
        subject,
        failures: Vec::new(),
    };
    judge.answer(coverage);
    judge.route(coverage);
    CaseResult {
        name: Arc::clone(&case.name),
        file: case.place.file.clone(),
        line: case.line,
        actor: case.asked.as_ref().map(|asked| Arc::clone(&asked.who)),
        purpose: case.asked.as_ref().map(|asked| asked.purpose),
        failures: judge.failures,
    }
}

struct Judge<'a> {
    policies: &'a Policies,
    case: &'a Case,
    subject: Subject<'a>,
    failures: Vec<Failure>,
}

impl Judge<'_> {
    fn answer(&mut self, coverage: &mut Coverage<'_>) {
        let Some(asked) = &self.case.asked else {
            return;
        };
        let (subject, now) = (self.subject, self.case.now);
        let plan = self.policies.specialise(&asked.actor, asked.purpose);
        let decision = plan.decide(&subject, now);
        let by_rules = reference::decide(self.policies, &asked.actor, asked.purpose, &subject, now);
        let agree = decision.exists == by_rules.exists
            && (!decision.exists
                || (decision.verdict.is_allowed() == by_rules.allowed
                    && self.states_agree(&decision, &by_rules)));
        if !agree {
            let both = "the plan and the rules agree".to_owned();
            self.fail(
                "the decision",
                both,
                "they differ: this is a mistake of Kith",
                Vec::new(),
            );
        }
        // A verdict that is false whatever the row is given before any row is looked for.
        let is_refused_early = plan.refusal().is_some();
        let actual = if is_refused_early || (decision.exists && !decision.verdict.is_allowed()) {
            Answer::Refused
        } else if decision.exists {
            Answer::Allowed
        } else {
            Answer::NotFound
        };
        let is_answered = actual == Answer::Allowed;
        let limits = reference::with_views(
            self.policies,
            &asked.actor,
            asked.purpose,
            &subject,
            now,
            |views| {
                coverage.request(views, &subject, is_answered);
                self.limits(views)
            },
        );
        if let Some(expected) = self.case.expected.answer
            && expected != actual
        {
            let because = match (actual, plan.refusal()) {
                (Answer::NotFound, _) => limits,
                (_, Some(refusal)) => self.because(&refusal.reasons),
                _ => self.because(decision.verdict.reasons()),
            };
            self.fail(
                "the answer",
                expected.as_str().to_owned(),
                actual.as_str(),
                because,
            );
        } else if is_answered {
            for (field, expected) in &self.case.expected.states {
                self.state(&decision, *field, *expected);
            }
        }
    }

    fn states_agree(&self, decision: &Decision, by_rules: &reference::Outcome) -> bool {
        let states = (0..).map(FieldIdx).zip(&by_rules.states);
        let mut states = states.map(|(field, interval)| decision.state(field) == interval.lo);
        states.all(|agree| agree)
    }

    /// The limits that leave the rows out.
    fn limits(&self, views: &[View<'_>]) -> Vec<Because> {
        let mut because = Vec::new();
        let policies = &self.policies.0;
        for view in views {
            for limit in &policies.limits {
                let Some(statement) = policies.statement(limit.statement) else {
                    continue;
                };
                let leaves_out = is_limited(&self.subject, limit.entity)
                    && view.own_value(statement.condition).restricts()
                    && !view.own_value(limit.predicate).grants();
                let found = Because {
                    words: format!("`limit {}` leaves the row out", limit.entity),
                    statement: self.place(statement.id),
                };
                if leaves_out && !because.contains(&found) {
                    because.push(found);
                }
            }
        }
        if because.is_empty() {
            because.push(Because {
                words: "`ai.answer` without a member shows only who is proven by signed identity"
                    .to_owned(),
                statement: None,
            });
        }
        because
    }

    fn because(&self, reasons: &[Reason]) -> Vec<Because> {
        let reasons = reasons.iter().map(|reason| Because {
            words: reason.words.clone(),
            statement: reason.decided_by().and_then(|id| self.place(id)),
        });
        reasons.collect()
    }

    fn place(&self, id: StatementId) -> Option<Place> {
        let statement = self.policies.statement(id)?;
        Some(Place {
            file: Arc::clone(&statement.file),
            line: statement.line,
            text: Arc::clone(&statement.text),
        })
    }

    fn state(&mut self, decision: &Decision, field: FieldIdx, expected: CaseState) {
        let actual = decision.state(field);
        let holds = match (expected, actual) {
            (CaseState::Visible, State::Visible)
            | (CaseState::Hidden, State::Hidden)
            | (CaseState::Masked(None), State::Masked(_)) => true,
            (CaseState::Masked(Some(wanted)), State::Masked(kind)) => wanted == kind,
            _ => false,
        };
        if holds {
            return;
        }
        let of = self.policies.0.field(field).map(|of| of.path.to_string());
        let expected = match expected {
            CaseState::Visible => "visible".to_owned(),
            CaseState::Hidden => "hidden".to_owned(),
            CaseState::Masked(None) => "masked".to_owned(),
            CaseState::Masked(Some(kind)) => format!("masked with {kind}"),
        };
        let actual = match actual {
            State::Visible => "visible".to_owned(),
            State::Hidden => "hidden".to_owned(),
            State::Masked(kind) => format!("masked with {kind}"),
        };
        let because = self.because(&[decision.reason(field)]);
        self.fail(&of.unwrap_or_default(), expected, &actual, because);
    }

    fn route(&mut self, coverage: &mut Coverage<'_>) {
        let Some(expected) = &self.case.expected.routed_to else {
            return;
        };
        let policies = &self.policies.0;
        for route in &policies.routes {
            let of = |node| value(policies, node, &self.subject, self.case.now);
            coverage.statement(route.statement, Tri::grants, of);
            let condition = policies.statement(route.statement).map(|of| of.condition);
            if condition.is_some_and(|node| of(node).restricts()) {
                break;
            }
        }
        let (actual, words, statement) = match self.policies.route(&self.subject, self.case.now) {
            Route::Space { space, statement } => (space, "this statement holds", Some(statement)),
            Route::Triage { statement } => {
                let words = "nobody can tell whether this statement holds";
                (Arc::from("triage"), words, Some(statement))
            }
            Route::Default => (Arc::from("default"), "no statement holds", None),
        };
        if actual != *expected {
            let because = Because {
                words: words.to_owned(),
                statement: statement.and_then(|id| self.place(id)),
            };
            self.fail("the route", expected.to_string(), &actual, vec![because]);
        }
    }

    fn fail(&mut self, of: &str, expected: String, actual: &str, because: Vec<Because>) {
        self.failures.push(Failure {
            of: of.to_owned(),
            expected,
            actual: actual.to_owned(),
            because,
        });
    }
}
