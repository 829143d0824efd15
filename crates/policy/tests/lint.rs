//! What is said of policies that are well formed and most likely not what was meant: each lint where it
//! speaks, where it is silent, and accepted with a reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use std::fmt::Write as _;

use kith_domain::definitions::{SourceFile, read_folder};
use kith_domain::{Definitions, Diagnostic, Severity};
use kith_policy::lint::{Lint, Report, lint};

fn report(definitions: &Definitions) -> Report {
    let (policies, _) =
        kith_policy::check(definitions).unwrap_or_else(|found| panic!("{}", support::list(&found)));
    lint(definitions, &policies)
}

fn of(text: &str) -> Report {
    report(&support::with_files(&[("policies/a.kith", text)]))
}

/// The findings of one lint, and acceptances that are at fault.
fn told(report: &Report, lint: Lint) -> Vec<&Diagnostic> {
    let findings = report.findings.iter();
    let is_told = |of: &&Diagnostic| of.code == lint.as_str() || of.code.starts_with("accept-");
    findings.filter(is_told).collect()
}

fn show(out: &mut String, text: &str, finding: &Diagnostic) {
    let at = text.get(finding.span.start..finding.span.end).unwrap();
    let at = at.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, column) = (finding.line, finding.column);
    writeln!(
        out,
        "{line}:{column} [{}] {}",
        finding.code, finding.message
    )
    .unwrap();
    writeln!(out, "    at: {at}").unwrap();
    writeln!(out, "    {}", finding.hint.as_ref().unwrap()).unwrap();
}

/// Each text with what is told of it.
fn gallery(lint: Lint, texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        let report = of(text);
        let told = told(&report, lint);
        assert!(!told.is_empty(), "nothing is told of `{text}`");
        for line in text.lines() {
            writeln!(out, "| {line}").unwrap();
        }
        for finding in told {
            assert_eq!(finding.severity, Severity::Warning);
            show(&mut out, text, finding);
        }
        out.push('\n');
    }
    out
}

fn silent(lint: Lint, texts: &[&str]) {
    for text in texts {
        let report = of(text);
        assert!(told(&report, lint).is_empty(), "`{text}`: {report:#?}");
    }
}

macro_rules! assert_gallery {
    ($lint:expr, $texts:expr) => {
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(gallery($lint, $texts));
        })
    };
}

#[test]
fn statements_that_never_do_anything() {
    let lint = Lint::Unreachable;
    assert_gallery!(
        lint,
        &[
            "allow support.view when account.plan == \"trial\" and account.plan == \"growth\"",
            "allow support.view when user.role == \"a\" unless user.role in [\"a\", \"b\"]",
            "forbid support.view when purpose == support.reply",
            "show account.privateRevenue when account.region == \"eu\" and account.region == \"us\"",
            "show account.privateRevenue when account.seats > 10 and account.seats < 3\nallow ai.draft when account.privateRevenue == hidden",
            "show account.enterpriseNotes when purpose in [report.view, ai.draft]",
            "show account.plan when user.role == \"support\"",
            "hide account.plan when purpose == ai.draft and purpose == ai.answer",
            "mask account.plan unless signedIdentity == true or signedIdentity == false",
            "hide account.plan when now < 2026-01-01 and now > 2026-02-01",
            "limit account to account.region == \"eu\" when agent.kind == \"ai\" and agent.kind == \"api\"",
            "route conversation to \"x\" when account.plan == \"trial\" and account.plan == \"growth\"",
            "route conversation to \"x\" when account.plan is absent and account.plan is not absent and account.plan == \"trial\"",
            "show account.paymentState when purpose == ai.draft and account.seats == visible unless purpose in [ai.draft, ai.answer]",
        ]
    );
    silent(
        lint,
        &[
            "allow support.view",
            "allow support.view when account.plan == \"trial\" or account.plan == \"growth\"",
            // A member may have both.
            "allow support.view when user.role == \"a\" and user.role == \"b\"",
            // Where the plan is absent it restricts.
            "hide account.region when account.plan == \"trial\" and account.plan == \"growth\"",
            "show account.enterpriseNotes when purpose in [report.view, support.view]",
            "show account.paymentState when purpose == ai.draft",
            // An agent alone has no roles that are known, and what is unknown restricts.
            "hide account.plan when user.role == \"a\" and user.role != \"a\"",
            // Caution: the fields are not safe for these purposes.
            "mask person.email when purpose in [ai.draft, ai.answer]",
            // A draft will be active one day.
            "hide account.forecast\nshow account.forecast",
            "route conversation to \"x\" when account.plan == \"trial\"",
            "limit account to account.region == \"eu\"",
        ],
    );
}

#[test]
fn clauses_that_decide_nothing() {
    let lint = Lint::AlwaysTrue;
    assert_gallery!(
        lint,
        &[
            "allow support.view when purpose == support.view",
            "allow support.view when signedIdentity == true or signedIdentity == false",
            "allow support.view when user.role == \"a\" unless purpose == ai.draft",
            "hide account.plan when account.region != \"eu\" or account.region != \"us\"",
            "hide account.plan unless account.region == \"eu\" and account.region == \"us\"",
            "limit account to signedIdentity == true or signedIdentity == false",
            "route conversation to \"x\" when now > 2026-01-01 or now < 2026-06-01",
        ]
    );
    silent(
        lint,
        &[
            "allow support.view",
            "allow support.view, support.reply when purpose == support.view",
            // Not where the region is absent, and that does not grant.
            "show account.privateRevenue when account.region != \"eu\" or account.region != \"us\"",
            "hide account.plan unless account.region == \"eu\"",
            // No field is shown under `audit.view`, but a limit is asked there too.
            "limit account to account.region == \"eu\" when purpose != audit.view",
            "route conversation to \"x\" when account.plan == \"trial\" or account.plan != \"trial\"",
        ],
    );
}

#[test]
fn statements_all_of_which_others_do() {
    let lint = Lint::Shadowed;
    assert_gallery!(
        lint,
        &[
            "allow support.view when user.role in [\"a\", \"b\"]\nallow support.view when user.role == \"a\"",
            "allow support.view when user.role == \"a\" and signedIdentity == true\nallow support.view, support.reply when user.role == \"a\"",
            "allow support.view\nallow support.reply\nallow support.view, support.reply when user.role == \"a\"",
            "forbid ai.answer\nforbid ai.answer, ai.draft when signedIdentity == false\nforbid ai.draft unless signedIdentity == true",
            "show account.privateRevenue when user.role == \"a\"\nshow account.privateRevenue when user.role == \"a\" and account.seats > 3",
            "show account.privateRevenue when user.role == \"a\"\nhide tag:billing",
            "hide account.plan when account.seats > 3\nhide account.plan when account.seats > 5",
            "hide account.*\nmask account.plan with last4 when user.role == \"a\"",
            "mask person.email with null\nmask person.email with email when user.role == \"a\"",
            "limit account to account.region == \"eu\"\nlimit account to account.region in [\"eu\", \"us\"] when user.role == \"a\"",
            "route conversation to \"x\" when account.seats > 3\nroute conversation to \"y\" when account.seats > 5",
            "route conversation to \"x\" when account.seats > 3\nroute conversation to \"y\" when account.seats <= 3\nroute conversation to \"z\" when account.plan == \"trial\"",
            "route conversation to \"x\"\nroute conversation to \"y\" when account.plan == \"trial\"",
        ]
    );
    silent(
        lint,
        &[
            "allow support.view when user.role == \"a\"\nallow support.view when user.role == \"b\"",
            "allow support.view when user.role == \"a\"\nallow support.view, support.reply when user.role == \"a\" and signedIdentity == true",
            // Of a seat count that is absent, only one of them is in doubt.
            "hide account.plan when account.seats > 3 and user.role == \"a\"\nhide account.plan when account.seats > 5",
            "mask person.email with email\nmask person.email with last4 when user.role == \"a\"",
            "show account.privateRevenue when user.role == \"a\"\nhide account.privateRevenue when account.seats > 3",
            "limit account to account.region == \"eu\"\nlimit person to person.name == \"x\"\nlimit account to account.plan == \"trial\"",
            "route conversation to \"y\" when account.seats > 5\nroute conversation to \"x\" when account.seats > 3",
            // Where the plan is absent the first sends to triage, and only there.
            "route conversation to \"x\" when account.plan == \"trial\"\nroute conversation to \"y\" when account.plan != \"trial\"",
        ],
    );
}

#[test]
fn purposes_that_nobody_holds() {
    let lint = Lint::PurposeNobodyHolds;
    assert_gallery!(
        lint,
        &[
            "allow export.run when user.role == \"a\"\nforbid export.run",
            "allow support.view, ai.draft when user.role == \"a\"",
            "allow support.view\nshow account.paymentState when purpose in [support.view, ai.draft]",
        ]
    );
    silent(
        lint,
        &[
            "allow support.reply, ai.draft when user.role == \"a\"",
            // An agent alone serves nobody.
            "allow ai.draft",
            // Caution.
            "allow support.view\nmask person.email when purpose in [ai.draft, ai.answer]\nforbid export.run",
            "allow support.view\nshow account.paymentState when purpose not in [ai.draft, ai.answer]",
            // That is told of the statement itself.
            "allow export.run when account.plan == \"trial\" and account.plan == \"growth\"",
        ],
    );
}

#[test]
fn unless_that_reads_the_other_way_round() {
    let lint = Lint::UnlessReversed;
    assert_gallery!(
        lint,
        &[
            "hide account.plan unless user.role != \"a\"",
            "hide account.plan when account.seats > 3 or account.seats == 1 unless user.role not in [\"a\", \"b\"]",
            "mask account.plan unless not (account.region == \"eu\" and account.seats > 3)",
            "forbid support.view unless account.region is not absent and account.plan != \"trial\"",
            "allow support.view unless user.role in [\"leadership\", \"revops\"]",
            "show account.privateRevenue when account.seats > 3 unless user.role == \"a\" or \"b\" in user.teams",
        ]
    );
    silent(
        lint,
        &[
            "hide account.plan unless user.role in [\"leadership\", \"revops\"]",
            "hide account.plan unless user.role != \"a\" and account.seats > 3",
            "allow support.view when user.role == \"support\" unless user.role == \"trainee\"",
            "allow support.view when agent.kind == \"none\" unless user.role == \"trainee\"",
            "allow support.view unless account.region == \"us\"",
            "hide account.plan when user.role != \"a\"",
        ],
    );
}

/// A folder with these fields of accounts, where support may look and drafts are made of signed users.
fn with_fields(fields: &str, policies: &str) -> Definitions {
    let policies = format!(
        "allow support.view, support.reply\n\nallow ai.draft when signedIdentity == true\n\n{policies}"
    );
    let files = [
        ("workspace.toml", "edition = 2026\n"),
        ("fields/account.toml", fields),
        ("policies/a.kith", &policies),
    ];
    let files = files.map(|(path, text)| SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    });
    let (definitions, warnings) = read_folder(files.into()).unwrap();
    assert_eq!(warnings, []);
    definitions
}

fn field(key: &str, sensitivity: &str, more: &str) -> String {
    format!(
        "[{key}]\ntype = \"string\"\nowner = \"o\"\ndescription = \"d\"\nsensitivity = \"{sensitivity}\"\nsafe_for = [\"support\", \"ai\"]\n{more}\n"
    )
}

fn field_gallery(lint: Lint, cases: &[(String, &str)]) -> String {
    let mut out = String::new();
    for (fields, policies) in cases {
        let definitions = with_fields(fields, policies);
        let report = report(&definitions);
        let told = told(&report, lint);
        assert!(!told.is_empty(), "nothing is told of `{fields}` {policies}");
        writeln!(out, "| {policies}").unwrap();
        for finding in told {
            show(&mut out, fields, finding);
        }
        out.push('\n');
    }
    out
}

#[test]
fn sensitive_fields_that_a_model_can_see() {
    let lint = Lint::SensitiveForAi;
    let fields = field("revenue", "restricted", "") + &field("plan", "internal", "");
    let told = [
        (fields.clone(), "show account.revenue"),
        (
            fields.clone(),
            "show account.revenue when purpose == ai.draft and account.plan == \"big\"\nmask account.plan",
        ),
        (
            fields.clone(),
            "show account.revenue\nmask account.revenue when account.plan == \"big\"",
        ),
    ];
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(field_gallery(lint, &told));
    });
    for policies in [
        "",
        "show account.revenue when purpose == support.view",
        "show account.revenue\nmask account.revenue when purpose in [ai.draft, ai.answer]",
        "show account.revenue\nhide account.revenue unless user.role == \"boss\" and signedIdentity == false",
        // On the member's own side it stays hidden, and an agent alone is no member.
        "show account.revenue when agent.kind == \"ai\" and user.name == \"sam\"",
        "show account.revenue\nforbid ai.draft",
    ] {
        let report = report(&with_fields(&fields, policies));
        assert!(told_none(&report, lint), "{policies}: {report:#?}");
    }
}

fn told_none(report: &Report, lint: Lint) -> bool {
    told(report, lint).is_empty()
}

#[test]
fn fields_that_no_one_can_see() {
    let lint = Lint::HiddenFromEveryone;
    let fields = field("revenue", "restricted", "") + &field("plan", "internal", "");
    let nobody = field("plan", "internal", "").replace("\"support\", \"ai\"", "");
    let told = [
        (fields.clone(), ""),
        (fields.clone(), "hide account.plan\nshow account.revenue"),
        (
            fields.clone(),
            "show account.revenue when purpose in [support.view, export.run]\nhide account.revenue when purpose == support.view",
        ),
        (nobody, ""),
    ];
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(field_gallery(lint, &told));
    });
    let draft = field("revenue", "restricted", "lifecycle = \"draft\"");
    for (fields, policies) in [
        (draft, ""),
        (
            fields.clone(),
            "show account.revenue when user.role == \"boss\"",
        ),
        (
            fields.clone(),
            "show account.revenue\nmask account.revenue with null",
        ),
        // Nobody may do anything yet.
        (
            fields.clone(),
            "forbid support.view, support.reply, ai.draft",
        ),
    ] {
        let report = report(&with_fields(&fields, policies));
        assert!(told_none(&report, lint), "{policies}: {report:#?}");
    }
}

/// What is accepted, with the reason; and what is not.
fn accepted(report: &Report) -> Vec<String> {
    let accepted = report.accepted.iter();
    accepted
        .map(|of| {
            format!(
                "{}:{} {}: {}",
                of.finding.file, of.finding.line, of.finding.code, of.reason
            )
        })
        .collect()
}

#[test]
fn each_lint_of_a_statement_can_be_accepted_with_a_reason() {
    for (lint, before, statement) in [
        (Lint::Unreachable, "", "show account.plan"),
        (
            Lint::AlwaysTrue,
            "",
            "allow support.view when purpose == support.view",
        ),
        (
            Lint::Shadowed,
            "allow support.view\n",
            "allow support.view when user.role == \"a\"",
        ),
        (
            Lint::PurposeNobodyHolds,
            "forbid export.run\n",
            "allow export.run",
        ),
        (
            Lint::UnlessReversed,
            "",
            "hide account.plan unless user.role != \"a\"",
        ),
    ] {
        let name = lint.as_str();
        for comment in [
            format!("# accept {name}: the pilot\n{statement}"),
            format!(
                "# Why it is there.\n\n# As agreed.\n#  accept  {name} :  the pilot  \n# Until June.\n{statement}"
            ),
            format!("{statement} # accept {name}: the pilot"),
        ] {
            let text = format!("{before}{comment}\n");
            let report = of(&text);
            assert!(told_none(&report, lint), "{text}: {report:#?}");
            let [accepted] = report.accepted.as_slice() else {
                panic!("{text}: {report:#?}");
            };
            assert_eq!(
                (accepted.finding.code, &*accepted.reason),
                (name, "the pilot")
            );
            // Formatting leaves it accepted.
            let formatted = kith_policy::format("a", &text).unwrap();
            assert_eq!(of(&formatted).accepted.len(), 1, "{formatted}");
        }
    }
}

#[test]
fn lints_of_fields_are_accepted_at_the_field() {
    let accept = "accept = { sensitive-for-ai = \"drafts are read\", \"hidden-from-everyone\" = \"for the books\" }";
    let shown = report(&with_fields(
        &field("revenue", "restricted", accept),
        "show account.revenue",
    ));
    assert_eq!(
        accepted(&shown),
        ["fields/account.toml:1 sensitive-for-ai: drafts are read"]
    );
    let hidden = report(&with_fields(&field("revenue", "restricted", accept), ""));
    assert_eq!(
        accepted(&hidden),
        ["fields/account.toml:1 hidden-from-everyone: for the books"]
    );
    // In either case the other acceptance accepts nothing.
    for report in [shown, hidden] {
        let codes: Vec<_> = report.findings.iter().map(|of| of.code).collect();
        assert_eq!(codes, ["accept-nothing"]);
    }
    let wrong = "accept = { sensitive-for-ai = \"\", unreachable = \"x\", hidden = \"y\" }";
    let cases = [(
        field("revenue", "restricted", wrong),
        "show account.revenue",
    )];
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(field_gallery(Lint::SensitiveForAi, &cases));
    });
}

#[test]
fn acceptances_at_fault() {
    assert_gallery!(
        Lint::Unreachable,
        &[
            "# accept unreachable\nshow account.plan",
            "# accept unreachable:\nshow account.plan",
            "# accept unreachable because of the pilot\nshow account.plan",
            "# accept unreachble: the pilot\nshow account.plan",
            "# accept everything: the pilot\nshow account.plan",
            "# accept unreachable: the pilot\nshow account.privateRevenue",
            "# accept shadowed: the pilot\nshow account.plan",
            "# accept unreachable: the pilot\n\nshow account.plan",
            "show account.plan\n\n# accept unreachable: the pilot",
        ]
    );
    silent(
        Lint::Shadowed,
        &[
            "# accept is a word, too\nallow support.view",
            "# accepted: yes\nallow support.view",
            "# We accept late payment: for a week\nallow support.view",
        ],
    );
}

/// What was too much to go through is not claimed, and neither is that its acceptance is stale.
#[test]
fn what_is_too_much_to_go_through_is_not_claimed() {
    let pairs = (0..40).map(|word| {
        format!(
            "(user.role == \"a{word}\" and \"a{}\" in user.teams)",
            39 - word
        )
    });
    let pairs = pairs.collect::<Vec<_>>().join(" or ");
    let report = of(&format!(
        "# accept unreachable: too much to tell\nallow export.run when ({pairs}) and account.plan == \"trial\" and account.plan == \"growth\""
    ));
    assert!(told_none(&report, Lint::Unreachable), "{report:#?}");
    assert!(report.accepted.is_empty(), "{report:#?}");
}

/// The design's own example says nothing that would be warned of.
#[test]
fn a_sane_small_folder_is_quiet() {
    let report = of(r#"
allow support.view, support.reply
when user.role in ["support", "success", "leadership", "revops"]

allow ai.draft
when user.role in ["support", "success"]
and account.privateRevenue == hidden
and signedIdentity == true

show account.privateRevenue, account.enterpriseNotes
when user.role in ["leadership", "revops"]

show event.checkout.failed.card
when user.role == "leadership"

hide account.privateRevenue, tag:billing
unless user.role in ["leadership", "revops"]

mask person.email with email
when purpose in [ai.draft, ai.answer]

limit account to account.region in user.regions
when user.role == "support"

route conversation to "enterprise"
when account.plan == "enterprise"
"#);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}
