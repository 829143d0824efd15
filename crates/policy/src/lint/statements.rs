//! `unreachable` and `always-true`: what one statement's own condition can be.

use std::collections::HashSet;

use kith_domain::Purpose;

use super::words::deed;
use super::{Does, Lint, Linter, Silent, Target, applies, with_audience};
use crate::ast::{Action, Expr, ExprKind, Op, OperandKind, Statement};
use crate::field::Start;
use crate::finite::{Asked, Conditions, Is, Possible};
use crate::ir::{Atom, Node, NodeId};
use crate::policies::{ClassIdx, Effect, Policies, StatementIdx};

impl Linter<'_> {
    /// Looks at every statement by itself.
    pub(super) fn conditions(&mut self, policies: &Policies) -> Silent {
        let mut conditions = Conditions::new(policies);
        let mut silent = Silent::default();
        for idx in self.statements() {
            if self.unreachable(&mut conditions, idx) {
                silent.unreachable.insert(idx);
            } else if self.always_true(&mut conditions, idx) {
                silent.always.insert(idx);
            }
        }
        silent
    }

    fn unreachable(&mut self, conditions: &mut Conditions<'_>, idx: StatementIdx) -> bool {
        let (lint, target) = (Lint::Unreachable, Target::Statement(idx));
        let Some((checked, written, does)) = self.checked(idx) else {
            return false;
        };
        let (keyword, is) = (checked.keyword, applies(checked.keyword));
        let (when, unless) = (checked.when, checked.unless);
        let statement = written.statement.clone();
        let never = deed(keyword);
        let purposes = match does {
            Does::Purposes(purposes) => purposes.clone(),
            // A restriction out of reach is mere caution.
            Does::Fields(classes) if keyword == "show" => self.within_reach(classes),
            Does::Fields(_) => with_audience(),
            Does::Limit(_) | Does::Route(_) => Purpose::ALL.to_vec(),
        };
        if purposes.is_empty() {
            if matches!(does, Does::Fields(classes) if classes.is_empty()) {
                return false;
            }
            let message = "no field that this names starts hidden and can be lifted, so this `show` never shows anything";
            let hint = OUT_OF_REACH.to_owned();
            self.find(lint, target, statement.span, message.to_owned(), hint);
            return true;
        }
        let asked = match does {
            Does::Purposes(_) => Asked::of_verdicts(&purposes),
            _ => Asked::of_fields(&purposes),
        };
        let is_show = keyword == "show";
        let leaves_doubt = is_show && self.is_tested(does);
        let condition = checked.condition;
        let possible = conditions.can_be(condition, is, &asked);
        if !self.never(possible, lint, target) {
            return keyword == "route"
                && possible == Possible::Sometimes
                && self.never_goes_there(conditions, idx, condition, &statement);
        }
        let audiences = with_audience();
        let everywhere = Asked::of_fields(&audiences);
        if is_show && conditions.can_be(condition, is, &everywhere) != Possible::Never {
            let message = "no field that this names can be lifted under the purposes for which it is true, so this `show` never shows anything";
            let hint = OUT_OF_REACH.to_owned();
            self.find(lint, target, statement.span, message.to_owned(), hint);
            return true;
        }
        let asked = if is_show { everywhere } else { asked };
        let mut can = |node: NodeId, is| conditions.can_be(node, is, &asked);
        let by_when = when.is_some_and(|when| can(when, is) == Possible::Never);
        let by_unless = unless.is_some_and(|unless| can(unless, opposite(is)) == Possible::Never);
        let leaves_doubt = leaves_doubt && can(condition, Is::NotFalse) != Possible::Never;
        let what = if is == Is::True {
            "can never be true"
        } else {
            "is always false"
        };
        let (span, why) = match (&statement.when, &statement.unless) {
            (Some(when), _) if by_when => (when.span, format!("`when` {what}")),
            (_, Some(unless)) if by_unless => (
                unless.span,
                if is == Is::True {
                    "`unless` is never false".to_owned()
                } else {
                    "`unless` always holds".to_owned()
                },
            ),
            _ => (
                statement.span,
                "`unless` excepts all that `when` admits".to_owned(),
            ),
        };
        let mut message = format!("{why}, so this `{keyword}` never {never}");
        if leaves_doubt {
            message.push_str("; it only leaves it in doubt what its fields' states are");
        }
        let hint = statement
            .when
            .as_ref()
            .filter(|_| by_when)
            .and_then(two_values);
        let hint = hint.unwrap_or_else(|| {
            "nothing can meet all of it at once: mend the condition, or remove the statement"
                .to_owned()
        });
        self.find(lint, target, span, message, hint);
        true
    }

    /// A route whose condition is at times unknown and never true: to triage at most.
    fn never_goes_there(
        &mut self,
        conditions: &mut Conditions<'_>,
        idx: StatementIdx,
        condition: NodeId,
        statement: &Statement,
    ) -> bool {
        let asked = Asked::of_fields(Purpose::ALL);
        let (lint, target) = (Lint::Unreachable, Target::Statement(idx));
        let possible = conditions.can_be(condition, Is::True, &asked);
        let Action::Route(space) = &statement.action else {
            return false;
        };
        if !self.never(possible, lint, target) {
            return false;
        }
        let when = statement.when.as_ref();
        let message = format!(
            "this can never be true, so nothing is ever sent to `{}`; what is not known goes to triage",
            space.node
        );
        let hint = when.and_then(two_values).unwrap_or_else(|| {
            "nothing can meet all of it at once: mend the condition, or remove the statement"
                .to_owned()
        });
        let span = when.map_or(statement.span, |when| when.span);
        self.find(lint, target, span, message, hint);
        // It does something nevertheless.
        false
    }

    /// The purposes under which a `show` can lift any field of these classes. Drafts will be active
    /// one day, so what is said of them counts.
    pub(super) fn within_reach(&self, classes: &[(ClassIdx, Effect)]) -> Vec<Purpose> {
        let mut purposes = with_audience();
        purposes.retain(|purpose| {
            classes.iter().any(|(class, _)| {
                let class = self.inner.classes.get(class.index());
                class.is_some_and(|class| {
                    let start = Start::of(class.gate, &self.inner.ceilings, *purpose);
                    class.gate.draft || start.liftable
                })
            })
        });
        purposes
    }

    /// Whether a condition anywhere tests the state of a field of these classes, or of a property of
    /// such an event.
    fn is_tested(&self, does: &Does) -> bool {
        let Does::Fields(classes) = does else {
            return false;
        };
        let targets: HashSet<ClassIdx> = classes.iter().map(|(class, _)| *class).collect();
        self.inner.nodes.nodes().iter().any(|node| {
            let Node::Atom(Atom::State { of, .. }) = node else {
                return false;
            };
            let class = self.inner.class(*of);
            let parent = class.and_then(|class| self.inner.classes.get(class.index())?.parent);
            [class, parent]
                .into_iter()
                .flatten()
                .any(|class| targets.contains(&class))
        })
    }

    /// Whether the whole statement applies on every request.
    fn always_true(&mut self, conditions: &mut Conditions<'_>, idx: StatementIdx) -> bool {
        let (lint, target) = (Lint::AlwaysTrue, Target::Statement(idx));
        let audiences = with_audience();
        let Some((checked, written, does)) = self.checked(idx) else {
            return false;
        };
        let asked = does.asked(&audiences);
        let restricts = applies(checked.keyword) == Is::NotFalse && checked.keyword != "route";
        let keyword = checked.keyword;
        let predicate = match does {
            Does::Limit(place) => self.inner.limits.get(*place).map(|limit| limit.predicate),
            _ => None,
        };
        // What would have to be possible for a clause to decide anything.
        let (of_when, of_unless) = if restricts {
            (Is::False, Is::True)
        } else {
            (Is::NotTrue, Is::NotFalse)
        };
        let statement = written.statement.clone();
        let clauses = [
            (checked.when, &statement.when, of_when, "when"),
            (checked.unless, &statement.unless, of_unless, "unless"),
        ];
        let answers = clauses.map(|(node, written, is, word)| {
            let node = node.zip(written.as_ref());
            node.map(|(node, written)| (conditions.can_be(node, is, &asked), written, word))
        });
        let of_predicate = predicate.map(|node| conditions.can_be(node, Is::NotTrue, &asked));
        let mut is_always = true;
        for (possible, clause, word) in answers.into_iter().flatten() {
            if !self.never(possible, lint, target) {
                is_always = false;
                continue;
            }
            let how = match (word, restricts) {
                ("when", true) => "is never false",
                ("when", false) => "is always true",
                (_, true) => "is never true",
                _ => "is always false",
            };
            let message = format!("`{word}` {how}, so it makes no difference to this `{keyword}`");
            let hint = either_value(clause, word).unwrap_or_else(|| {
                format!("leave `{word}` out, or write the condition that was meant")
            });
            self.find(lint, target, clause.span, message, hint);
        }
        if let (Some(possible), Action::Limit(entity, predicate)) =
            (of_predicate, &statement.action)
            && self.never(possible, lint, target)
        {
            let message = format!(
                "every {} passes this, so the limit never keeps anything out of view",
                entity.node
            );
            let hint = "write the condition that was meant, or remove the limit".to_owned();
            self.find(lint, target, predicate.span, message, hint);
        }
        is_always
    }
}

/// What the clause `unless` must be able to be for a statement to get past it.
fn opposite(is: Is) -> Is {
    match is {
        Is::True => Is::False,
        _ => Is::NotTrue,
    }
}

const OUT_OF_REACH: &str = "within its audience's ceiling a field is visible without it, and one that is not safe for the audience stays hidden: remove this, or change `safe_for` or the ceiling";

/// A hint for one thing that shall equal two values at once.
fn two_values(condition: &Expr) -> Option<String> {
    let ExprKind::And(parts) = &condition.node else {
        return None;
    };
    let values = values_of_one(parts, Op::Eq)?;
    Some(format!(
        "nothing is two values at once: did you mean `{} in [{}]`?",
        values.0,
        values.1.join(", ")
    ))
}

/// A hint for one thing that shall differ from this value or from that one.
fn either_value(condition: &Expr, word: &str) -> Option<String> {
    let ExprKind::Or(parts) = &condition.node else {
        return None;
    };
    let values = values_of_one(parts, Op::Ne).filter(|_| word == "when")?;
    Some(format!(
        "whatever it is, it differs from one of them: did you mean `{} not in [{}]`?",
        values.0,
        values.1.join(", ")
    ))
}

/// The name that all tests are about, if each compares it with a value in this way.
fn values_of_one(parts: &[Expr], wanted: Op) -> Option<(String, Vec<String>)> {
    let mut name = None;
    let mut values = Vec::new();
    for part in parts {
        let ExprKind::Compare(left, op, right) = &part.node else {
            return None;
        };
        let (OperandKind::Name(of), OperandKind::Literal(_)) = (&left.node, &right.node) else {
            return None;
        };
        if *op != wanted || name.is_some_and(|name| name != of) {
            return None;
        }
        name = Some(of);
        values.push(crate::format::operand(right));
    }
    Some((name?.to_string(), values))
}
