//! What is written for Cedar, what is left out and why; and that nothing of it ships.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

#[path = "../../policy/tests/support/mod.rs"]
mod support;

use std::process::Command;

use kith_cedar::render;

#[test]
fn what_cedar_cannot_express_is_listed_by_name() {
    let check = |statement: &str, expect: &[&str]| {
        let (definitions, policies) = support::policies(statement);
        let rendered = render(&definitions, &policies);
        let excluded = rendered.excluded.iter();
        let why: Vec<_> = excluded.map(|excluded| excluded.why.to_string()).collect();
        assert_eq!(why, expect, "{statement}");
        assert_eq!(rendered.statements, 1 - expect.len(), "{statement}");
    };
    check("allow support.view when user.role == \"support\"", &[]);
    check("hide tag:billing when account.privateRevenue > 1000", &[]);
    check(
        "allow ai.draft when account.privateRevenue == hidden",
        &["tests a state"],
    );
    check(
        "hide account.plan when account.owner < \"m\"",
        &["asks for an order of texts"],
    );
    check(
        "hide account.plan when account.seats > account.score",
        &["compares a whole number with a fraction"],
    );
    check(
        "route conversation to \"enterprise\" when account.plan == \"enterprise\"",
        &["routes a conversation"],
    );
}

#[test]
fn each_condition_is_guarded() {
    let (definitions, policies) = support::policies(
        "allow support.view when not account.region == \"eu\"\n\
         mask person.* with last4 unless user.role in [\"leadership\"]\n\
         limit account to account.region in user.regions when account.privateRevenue > 1000",
    );
    let rendered = render(&definitions, &policies).policies;
    let statements = rendered.find("@statement").unwrap();
    insta::assert_snapshot!(&rendered[statements..]);
}

#[test]
fn cedar_is_no_part_of_what_ships() {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--package", "kith", "--edges", "normal,build"])
        .args(["--prefix", "none", "--all-features"])
        .args(["--locked", "--offline"])
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains(&"kith-policy"), "{tree}");
    let foreign = ["cedar", "regorus", "proptest", "kith-bench", "kith-testkit"];
    for name in names {
        assert!(!foreign.iter().any(|start| name.contains(start)), "{name}");
    }
}
