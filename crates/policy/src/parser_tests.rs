//! What parses, and what is said of what does not.

use super::*;
use crate::ast::{ExprKind, Literal, OperandKind};

/// The worked policies of the design, as they stand there.
const DESIGN: &str = r#"
# Who may have a reply drafted
allow ai.draft
when user.role in ["support", "success"]
and account.privateRevenue == hidden
and signedIdentity == true

hide account.privateRevenue, tag:billing
unless user.role in ["leadership", "revops"]

mask person.email with email
when purpose in [ai.draft, ai.answer]

limit account to account.region in user.regions
when user.role == "support"

route conversation to "enterprise"
when account.plan == "enterprise"
"#;

#[test]
fn the_design_reads_as_it_stands() {
    let (file, found) = parse("a.kith", DESIGN);
    assert_eq!(found, []);
    let words: Vec<_> = file.statements.iter().map(|s| s.action.keyword()).collect();
    assert_eq!(words, ["allow", "hide", "mask", "limit", "route"]);
    let first = &file.statements[0];
    assert_eq!(first.comments[0].text, "Who may have a reply drafted");
    let Some(ExprKind::And(tests)) = first.when.as_ref().map(|when| &when.node) else {
        panic!("three tests joined by `and`");
    };
    assert_eq!(tests.len(), 3);
    assert_eq!(crate::format_file(&file), DESIGN.trim_start());
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    let (condition, found) = parse_condition("a", "not a.b == 1 and a.c == 2 or a.d == 3");
    assert_eq!(found, []);
    let ExprKind::Or(parts) = &condition.node else {
        panic!("`or` is outermost");
    };
    let ExprKind::And(parts) = &parts[0].node else {
        panic!("`and` is within");
    };
    assert!(matches!(parts[0].node, ExprKind::Not(_)));
}

#[test]
fn what_can_be_read_is_read_behind_a_mistake() {
    let text = "hide a.b when\nallow support.view when a.c ==\nshow a.d";
    let (file, found) = parse("a", text);
    assert_eq!(found.len(), 2);
    assert_eq!(file.statements.len(), 3);
}

#[test]
fn numbers_take_what_stands_behind_them() {
    let literal = |text: &str| {
        let (condition, found) = parse_condition("a", &format!("a.b == {text}"));
        assert_eq!(found, [], "{text}");
        match condition.node {
            ExprKind::Compare(_, _, right) => match right.node {
                OperandKind::Literal(literal) => literal,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(literal("1000"), Literal::Number(_)));
    assert!(matches!(literal("1000 EUR"), Literal::Money(..)));
    assert!(matches!(literal("30days"), Literal::Duration(30, _)));
    assert!(matches!(
        literal("2026-01-31T12:00:00+02:00"),
        Literal::Time(_)
    ));
    assert!(matches!(literal("-7"), Literal::Number(number) if number.micros == -7_000_000));
}
