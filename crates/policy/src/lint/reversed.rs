//! `unless-reversed`: wording that is likely to be read as its opposite. Nothing is proven here, and
//! what is written may well be meant.

use super::words::part;
use super::{Lint, Linter, Target};
use crate::ast::{Expr, ExprKind, Op, Operand, OperandKind, Spanned, Statement};
use crate::format::expr;

impl Linter<'_> {
    pub(super) fn reversed(&mut self) {
        for idx in self.statements() {
            let Some((checked, written, _)) = self.checked(idx) else {
                continue;
            };
            let statement = &written.statement;
            let Some(unless) = &statement.unless else {
                continue;
            };
            let found = denied(unless)
                .map(|affirmed| two_negations(statement, checked.keyword, &affirmed))
                .or_else(|| all_but(statement, checked.keyword, unless));
            let span = unless.span;
            if let Some((message, hint)) = found {
                let target = Target::Statement(idx);
                self.find(Lint::UnlessReversed, target, span, message, hint);
            }
        }
    }
}

/// `unless not x` is `when x`, unknown or not.
fn two_negations(statement: &Statement, keyword: &str, affirmed: &Expr) -> (String, String) {
    let message = format!(
        "`unless` and a negation are two negations: this `{keyword}` applies when {}",
        in_code(&expr(affirmed))
    );
    let hint = format!("write `{}`", when(statement, affirmed));
    (message, hint)
}

/// The clause `when` with one condition more.
fn when(statement: &Statement, more: &Expr) -> String {
    match &statement.when {
        None => format!("when {}", expr(more)),
        Some(when) => format!("when {} and {}", part(when), part(more)),
    }
}

fn in_code(text: &str) -> String {
    format!("`{text}`")
}

/// An `allow` or `show` to everybody but some roles.
fn all_but(statement: &Statement, keyword: &str, unless: &Expr) -> Option<(String, String)> {
    let does = match keyword {
        "allow" => "allows it to",
        "show" => "shows it to",
        _ => return None,
    };
    let says_who = |when: &Expr| {
        let mut names = Vec::new();
        names_of(when, &mut names);
        let is_of_asker = |name: &str| name.starts_with("user.") || name.starts_with("agent.");
        names.into_iter().any(is_of_asker)
    };
    if !asks_for_roles(unless) || statement.when.as_ref().is_some_and(says_who) {
        return None;
    }
    let message = format!(
        "this {does} every member of whom {} is not true, members without any role included",
        in_code(&expr(unless))
    );
    let hint = format!(
        "if they are the ones who are to have it, write `{}`; if not, say under `when` who is",
        when(statement, unless)
    );
    Some((message, hint))
}

/// Whether all that a condition asks for is roles or teams.
fn asks_for_roles(condition: &Expr) -> bool {
    let is_role = |operand: &Operand| match &operand.node {
        OperandKind::Name(name) => ["user.role", "user.roles", "user.teams"].contains(&&**name),
        _ => false,
    };
    match &condition.node {
        ExprKind::Or(parts) => parts.iter().all(asks_for_roles),
        ExprKind::Compare(left, Op::Eq, right) => is_role(left) || is_role(right),
        ExprKind::In {
            item,
            list,
            negated: false,
        } => is_role(item) || is_role(list),
        _ => false,
    }
}

/// What is denied by a condition that is nothing but a denial.
fn denied(condition: &Expr) -> Option<Expr> {
    let all = |parts: &[Expr]| parts.iter().map(denied).collect::<Option<Vec<_>>>();
    let node = match &condition.node {
        ExprKind::Not(inner) => return Some((**inner).clone()),
        ExprKind::Compare(left, Op::Ne, right) => {
            ExprKind::Compare(left.clone(), Op::Eq, right.clone())
        }
        ExprKind::In {
            item,
            list,
            negated: true,
        } => ExprKind::In {
            item: item.clone(),
            list: list.clone(),
            negated: false,
        },
        ExprKind::Absent { of, negated: true } => ExprKind::Absent {
            of: of.clone(),
            negated: false,
        },
        ExprKind::And(parts) => ExprKind::Or(all(parts)?),
        ExprKind::Or(parts) => ExprKind::And(all(parts)?),
        _ => return None,
    };
    Some(Spanned::new(node, condition.span))
}

/// Every name in a condition.
fn names_of<'e>(condition: &'e Expr, names: &mut Vec<&'e str>) {
    match &condition.node {
        ExprKind::And(parts) | ExprKind::Or(parts) => {
            parts.iter().for_each(|part| names_of(part, names));
        }
        ExprKind::Not(inner) => names_of(inner, names),
        ExprKind::Compare(left, _, right) => {
            names_in(left, names);
            names_in(right, names);
        }
        ExprKind::In { item, list, .. } => {
            names_in(item, names);
            names_in(list, names);
        }
        ExprKind::Absent { of, .. } => names_in(of, names),
        ExprKind::Broken => {}
    }
}

fn names_in<'e>(operand: &'e Operand, names: &mut Vec<&'e str>) {
    match &operand.node {
        OperandKind::Name(name) => names.push(name),
        OperandKind::Literal(_) => {}
        OperandKind::List(items) => items.iter().for_each(|item| names_in(item, names)),
        OperandKind::Shift { from, by, .. } => {
            names_in(from, names);
            names_in(by, names);
        }
    }
}
