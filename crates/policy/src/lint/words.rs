//! How lints speak.

use crate::ast::{Expr, ExprKind};
use crate::format::expr;

/// What such a statement does, after `never`.
pub(super) fn deed(keyword: &str) -> &'static str {
    match keyword {
        "allow" => "allows anything",
        "forbid" => "forbids anything",
        "show" => "shows anything",
        "mask" => "masks anything",
        "hide" => "hides anything",
        "limit" => "keeps anything out of view",
        _ => "sends anything anywhere",
    }
}

/// A condition as part of another: in parentheses if it joins several.
pub(super) fn part(of: &Expr) -> String {
    match of.node {
        ExprKind::And(_) | ExprKind::Or(_) => format!("({})", expr(of)),
        _ => expr(of),
    }
}
