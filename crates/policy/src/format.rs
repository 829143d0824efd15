//! A tree back to text, in the one form that files, hashes and explanations use. Formatting what was
//! formatted changes nothing, and reading it back gives the same tree.

use std::fmt::Write as _;

use kith_domain::Diagnostic;

use crate::ast::{
    Action, CommentLine, Expr, ExprKind, File, Literal, Name, Operand, OperandKind, Selector,
    Spanned, Statement,
};
use crate::lexer::is_bare_tag;
use crate::parser;

/// Formats the text of a policy file.
///
/// # Errors
/// Every mistake, if the text cannot be read whole.
pub fn format(file: &str, text: &str) -> Result<String, Vec<Diagnostic>> {
    let (parsed, found) = parser::parse(file, text);
    if found.is_empty() {
        Ok(format_file(&parsed))
    } else {
        Err(found)
    }
}

/// Formats a file: one blank line between statements.
#[must_use]
pub fn format_file(file: &File) -> String {
    let mut out = String::new();
    for statement in &file.statements {
        if !out.is_empty() {
            out.push('\n');
        }
        comments(&mut out, &statement.comments);
        out.push_str(&format_statement(statement));
        out.push('\n');
    }
    if !out.is_empty() && !file.trailing.is_empty() {
        out.push('\n');
    }
    comments(&mut out, &file.trailing);
    out
}

/// Formats a statement without its comments and without a newline at its end: the text whose hash
/// is the statement's id.
#[must_use]
pub fn format_statement(statement: &Statement) -> String {
    let mut out = format!("{} ", statement.action.keyword());
    match &statement.action {
        Action::Allow(purposes) | Action::Forbid(purposes) => out.push_str(&names(purposes)),
        Action::Show(fields) | Action::Hide(fields) => out.push_str(&selectors(fields)),
        Action::Mask(fields, kind) => {
            out.push_str(&selectors(fields));
            if let Some(kind) = kind {
                let _ = write!(out, " with {}", kind.node);
            }
        }
        Action::Limit(entity, predicate) => {
            let _ = write!(out, "{} to ", entity.node);
            clause(&mut out, predicate);
        }
        Action::Route(space) => {
            let _ = write!(out, "conversation to {}", text(&space.node));
        }
    }
    for (word, condition) in [("when", &statement.when), ("unless", &statement.unless)] {
        if let Some(condition) = condition {
            let _ = write!(out, "\n{word} ");
            clause(&mut out, condition);
        }
    }
    out
}

fn comments(out: &mut String, lines: &[CommentLine]) {
    for line in lines {
        out.push_str(format!("# {}", line.text).trim_end());
        out.push_str(if line.ends_block { "\n\n" } else { "\n" });
    }
}

fn names(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(|name| &*name.node).collect();
    names.join(", ")
}

fn selectors(fields: &[Spanned<Selector>]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|field| match &field.node {
            Selector::Field(path) => path.to_string(),
            Selector::Under(prefix) => format!("{prefix}.*"),
            Selector::Tag(tag) if !tag.is_empty() && tag.chars().all(is_bare_tag) => {
                format!("tag:{tag}")
            }
            Selector::Tag(tag) => format!("tag:{}", text(tag)),
            Selector::Sensitivity(op, level) => format!("sensitivity {} {level}", op.as_str()),
        })
        .collect();
    fields.join(", ")
}

/// A whole condition: each part of its outermost `and` or `or` on a line of its own.
fn clause(out: &mut String, condition: &Expr) {
    let (parts, word) = match &condition.node {
        ExprKind::And(parts) => (parts.as_slice(), "and"),
        ExprKind::Or(parts) => (parts.as_slice(), "or"),
        _ => (std::slice::from_ref(condition), ""),
    };
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            let _ = write!(out, "\n{word} ");
        }
        if word.is_empty() {
            out.push_str(&expr(part));
        } else {
            out.push_str(&nested(part));
        }
    }
}

/// A condition on one line.
#[must_use]
pub(crate) fn expr(condition: &Expr) -> String {
    let join = |parts: &[Expr], word: &str| {
        let parts: Vec<_> = parts.iter().map(nested).collect();
        parts.join(word)
    };
    match &condition.node {
        ExprKind::And(parts) => join(parts, " and "),
        ExprKind::Or(parts) => join(parts, " or "),
        ExprKind::Not(inner) => format!("not ({})", expr(inner)),
        ExprKind::Compare(left, op, right) => {
            format!("{} {} {}", operand(left), op.as_str(), operand(right))
        }
        ExprKind::In {
            item,
            list,
            negated,
        } => {
            let word = if *negated { "not in" } else { "in" };
            format!("{} {word} {}", operand(item), operand(list))
        }
        ExprKind::Absent { of, negated } => {
            let word = if *negated {
                "is not absent"
            } else {
                "is absent"
            };
            format!("{} {word}", operand(of))
        }
        ExprKind::Broken => "…".to_owned(),
    }
}

/// A condition within another: in parentheses if it joins several.
fn nested(condition: &Expr) -> String {
    match condition.node {
        ExprKind::And(_) | ExprKind::Or(_) => format!("({})", expr(condition)),
        _ => expr(condition),
    }
}

pub(crate) fn operand(operand_: &Operand) -> String {
    match &operand_.node {
        OperandKind::Name(name) => name.to_string(),
        OperandKind::Literal(value) => literal(value),
        OperandKind::List(items) => {
            let items: Vec<_> = items.iter().map(operand).collect();
            format!("[{}]", items.join(", "))
        }
        OperandKind::Shift { from, minus, by } => {
            let sign = if *minus { '-' } else { '+' };
            format!("{} {sign} {}", operand(from), operand(by))
        }
    }
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Text(value) => text(value),
        Literal::Bool(value) => value.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::Money(number, currency) => format!("{number} {currency}"),
        Literal::Duration(1, unit) => format!("1 {}", unit.singular()),
        Literal::Duration(amount, unit) => format!("{amount} {}", unit.plural()),
        Literal::Time(written) => written.to_string(),
        Literal::State(word) => word.to_string(),
    }
}

/// A text in quotes.
pub(crate) fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for letter in value.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
