//! Cases beside policies: what a failing case says, what counts as covered, and that the demo keeps
//! its promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kith_domain::Definitions;
use kith_domain::definitions::{SourceFile, read_folder};
use kith_policy::suite::{self, Report};

fn folder(path: &Path) -> Vec<SourceFile> {
    fn collect(root: &Path, at: &Path, files: &mut Vec<SourceFile>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, files);
            } else {
                files.push(SourceFile {
                    path: path
                        .strip_prefix(root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .replace('\\', "/"),
                    text: std::fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    let mut files = Vec::new();
    collect(path, path, &mut files);
    files
}

fn run(files: Vec<SourceFile>) -> (Definitions, Report) {
    let (definitions, _) = read_folder(files).unwrap_or_else(|found| {
        panic!("{}", support::list(&found));
    });
    let (policies, _) = kith_policy::check(&definitions).unwrap_or_else(|found| {
        panic!("{}", support::list(&found));
    });
    let report = suite::run(&policies, &definitions.cases);
    (definitions, report)
}

/// The catalog of the worked cases with these policies and cases.
fn with(policies: &str, cases: &str) -> (Definitions, Report) {
    let mut files = support::definitions(policies).files;
    files.push(SourceFile {
        path: "tests/a.toml".into(),
        text: format!("{CAST}{cases}"),
    });
    run(files)
}

const CAST: &str = r#"
[members.sam]
roles = ["support"]
regions = ["eu"]

[agents.drafter]
kind = "ai"

[account.acme]
region = "eu"
plan = "growth"

[account.far]
region = "us"
"#;

const POLICIES: &str = r#"
allow support.view when user.role == "support"
forbid support.view when account.plan == "enterprise"
limit account to account.region in user.regions when user.role == "support"
hide account.seats unless account.plan == "growth"
mask account.region with redact when account.plan == "trial"
route conversation to "enterprise" when account.plan == "enterprise"
"#;

#[test]
fn a_failing_case_says_what_was_expected_what_came_and_what_decided() {
    let cases = r#"
[[case]]
name = "holds"
actor = "sam"
purpose = "support.view"
account = "acme"
visible = ["account.seats"]

[[case]]
name = "is in view"
actor = "sam"
purpose = "support.view"
account = "far"
expect = "allowed"

[[case]]
name = "is allowed"
actor = ["sam", "drafter"]
purpose = "support.view"
account = { region = "eu", plan = "enterprise" }
expect = "allowed"

[[case]]
name = "shows"
actor = "sam"
purpose = "support.view"
account = { region = "eu", plan = "trial" }
visible = ["account.seats", "account.region"]
masked = ["account.plan"]
hidden = ["account.score"]

[[case]]
name = "shows a secret"
actor = "sam"
purpose = "support.view"
account = "acme"
visible = ["account.privateRevenue"]

[[case]]
name = "is routed"
account = { region = "eu" }
routed_to = "enterprise"

[[case]]
name = "shows to a model"
actor = "drafter"
purpose = "ai.answer"
account = "acme"
expect = "refused"
"#;
    let (definitions, report) = with(POLICIES, cases);
    assert_eq!(report.cases.len(), 8);
    let mut shown = String::new();
    for finding in report.diagnostics(&definitions.files) {
        writeln!(shown, "{finding}").unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn coverage_counts_where_a_statement_has_a_say() {
    let cases = r#"
[[case]]
name = "one"
actor = "sam"
purpose = "support.view"
account = "acme"
expect = "allowed"

[[case]]
name = "two"
actor = "sam"
purpose = "support.view"
account = { region = "eu", plan = "enterprise" }
expect = "refused"

[[case]]
name = "three"
account = { plan = "growth" }
routed_to = "default"
"#;
    let (_, report) = with(POLICIES, cases);
    assert_eq!(report.failed().count(), 0);
    let mut shown = String::new();
    for statement in &report.statements {
        let first = statement.text.lines().next().unwrap();
        write!(
            shown,
            "{first}: {}/{}",
            statement.applied, statement.not_applied
        )
        .unwrap();
        for clause in &statement.clauses {
            let (t, f, u) = (clause.holds, clause.fails, clause.unknown);
            write!(shown, ", {} {t} true {f} false {u} unknown", clause.clause).unwrap();
        }
        let complete = if statement.is_complete() { " ✓" } else { "" };
        writeln!(shown, "{complete}").unwrap();
    }
    insta::assert_snapshot!(shown, @r#"
    allow support.view: 2/0, when 2 true 0 false 0 unknown
    forbid support.view: 1/1, when 1 true 1 false 0 unknown ✓
    limit account to account.region in user.regions: 2/0, to 2 true 0 false 0 unknown, when 2 true 0 false 0 unknown
    hide account.seats: 0/1, unless 1 true 0 false 0 unknown
    mask account.region with redact: 0/1, when 0 true 1 false 0 unknown
    route conversation to "enterprise": 0/1, when 0 true 1 false 0 unknown
    "#);
}

#[test]
fn the_demo_keeps_its_promises() {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/definitions");
    let (definitions, report) = run(folder(&demo));
    let found = report.diagnostics(&definitions.files);
    assert!(found.is_empty(), "{}", support::list(&found));
    let uncovered: Vec<_> = report
        .statements
        .iter()
        .filter(|statement| !statement.is_complete())
        .map(|statement| format!("{}:{} {:?}", statement.file, statement.line, statement))
        .collect();
    assert!(uncovered.is_empty(), "not put to the test: {uncovered:#?}");
}
