//! Reasons: which statement, which clause, which name decided; in words, and for machines.
//!
//! A reason is an answer too. Where a statement's outcome rests on the value of a field that the asker
//! may not see, the reason names that field and keeps the rest of the statement to itself: its text,
//! its operators and its literals, and its id, which is a hash of them. Under a refusal nothing of the
//! row is seen, so every field counts as unseen there.

mod trace;
mod words;

use std::sync::Arc;

use kith_domain::FieldIdx;

use crate::decision::{Decision, Reason, ReasonCode, Refusal, StatementRef, Verdict};
use crate::field::Why;
use crate::plan::{Cause, PlanInner, VerdictPlan, View, value_of};
use crate::policies::StatementIdx;
use crate::side::SideKind;
use crate::state::State;
use crate::tri::Tri;
use trace::{Sight, Trace};

/// Most reasons of one kind that a refusal gives.
const MAX_REASONS: usize = 8;

/// The verdict, if it is the same on every row.
pub(crate) fn fixed_verdict(plan: &PlanInner) -> Option<Verdict> {
    let verdicts = || plan.verdicts.iter();
    let mut refused = verdicts()
        .filter(|verdict| verdict.fixed == Some(false))
        .peekable();
    if refused.peek().is_some() {
        return Some(refusal(plan, refused, None));
    }
    verdicts()
        .all(|verdict| verdict.fixed == Some(true))
        .then(|| allowance(plan, None, Sight::Nothing))
}

/// The verdict on one row.
pub(crate) fn row_verdict(plan: &PlanInner, values: &[Tri], states: &[State]) -> Verdict {
    let mut refused = plan
        .verdicts
        .iter()
        .filter(|verdict| !value_of(values, verdict.holds).grants())
        .peekable();
    if refused.peek().is_some() {
        return refusal(plan, refused, Some(values));
    }
    allowance(plan, Some(values), Sight::States(states))
}

/// The refusal of what does not exist for the caller: the same whether it exists for anyone.
pub(crate) fn not_found(plan: &PlanInner) -> Refusal {
    let reason = Reason {
        code: ReasonCode::NotFound,
        side: SideKind::Asker,
        words: "there is no such customer here".to_owned(),
        statement: None,
        rests_on: Vec::new(),
        decided_by: None,
    };
    Refusal {
        purpose: plan.key.purpose(),
        reasons: [reason].into(),
        hints: [].into(),
    }
}

fn allowance(plan: &PlanInner, values: Option<&[Tri]>, sight: Sight<'_>) -> Verdict {
    let reasons = plan.verdicts.iter().filter_map(|verdict| {
        let holding = verdict.allow.iter().find(|(_, node)| {
            plan.nodes
                .constant(*node)
                .or_else(|| values.map(|values| value_of(values, *node)))
                .is_some_and(Tri::grants)
        });
        let (statement, _) = holding?;
        let trace = Trace {
            plan,
            values,
            view: verdict.view,
            sight,
        };
        Some(trace.statement(*statement, ReasonCode::Statement))
    });
    Verdict::Allowed {
        reasons: reasons.collect(),
    }
}

fn refusal<'p>(
    plan: &'p PlanInner,
    sides: impl Iterator<Item = &'p VerdictPlan>,
    values: Option<&[Tri]>,
) -> Verdict {
    let mut reasons = Vec::new();
    let mut hints = Vec::new();
    for verdict in sides {
        let trace = Trace {
            plan,
            values,
            view: verdict.view,
            sight: Sight::Nothing,
        };
        let forbidding = verdict.forbid.iter().filter(|(_, node)| match values {
            Some(values) => value_of(values, *node).restricts(),
            None => !plan.outcomes.can_be_false(*node),
        });
        let forbidding: Vec<_> = forbidding
            .take(MAX_REASONS)
            .map(|(statement, _)| trace.statement(*statement, ReasonCode::Statement))
            .collect();
        let is_granted = verdict.allow.iter().any(|(_, node)| match values {
            Some(values) => value_of(values, *node).grants(),
            None => plan.outcomes.can_be_true(*node),
        });
        if verdict.allow.is_empty() {
            reasons.push(words::no_statement(plan, verdict.view));
        } else if !is_granted {
            for (statement, _) in verdict.allow.iter().take(MAX_REASONS) {
                reasons.push(trace.statement(*statement, ReasonCode::NotMet));
                let lacking = trace.lacking(*statement);
                hints.extend(words::hint(plan, verdict.view, &lacking));
            }
        }
        reasons.extend(forbidding);
    }
    hints.dedup();
    Verdict::Refused(Refusal {
        purpose: plan.key.purpose(),
        reasons: reasons.into(),
        hints: hints.into(),
    })
}

/// Why a field is in its state.
pub(crate) fn field_reason(decision: &Decision, field: FieldIdx) -> Reason {
    let plan = &*decision.plan().inner;
    let class = plan.policies.class(field);
    let origin = class.and_then(|class| plan.origins.get(class.index()));
    let (true, Some(origin), Some(of)) = (decision.exists, origin, plan.policies.field(field))
    else {
        let reasons = not_found(plan).reasons;
        return reasons
            .iter()
            .next()
            .cloned()
            .unwrap_or_else(|| words::no_statement(plan, View::Own(0)));
    };
    let (interval, cause) = origin.cause(decision.values());
    debug_assert_eq!(
        interval.lo,
        decision.state(field),
        "reasons are of what is emitted"
    );
    let Cause {
        why,
        side,
        of_event,
    } = cause;
    let view = View::Own(usize::from(side));
    let sight = if decision.verdict.is_allowed() {
        Sight::States(decision.states())
    } else {
        Sight::Nothing
    };
    let trace = Trace {
        plan,
        values: Some(decision.values()),
        view,
        sight,
    };
    let mut reason = match why {
        Why::Statement(statement) => trace.statement(statement, ReasonCode::Statement),
        other => words::of_catalog(plan, view, of, other),
    };
    if why == Why::AboveCeiling {
        trace.add_failed_shows(&mut reason, field);
    }
    if of_event {
        words::say_event(&mut reason, of);
    }
    reason
}

/// Where a statement stands and what it says, unless that is not for the asker.
fn reference(plan: &PlanInner, idx: StatementIdx, in_full: bool) -> Option<StatementRef> {
    let statement = plan.policies.statement(idx)?;
    Some(StatementRef {
        file: Arc::clone(&statement.file),
        line: statement.line,
        id: in_full.then_some(statement.id),
        text: in_full.then(|| Arc::clone(&statement.text)),
    })
}
