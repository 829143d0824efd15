//! `kith policy lint`.

use std::path::Path;

use serde_json::Value as Json;

use crate::home::Home;

const ACCOUNT: &str = r#"
[plan]
type = "enum"
values = ["trial", "growth", "enterprise"]
owner = "RevOps"
description = "The plan."
sensitivity = "internal"
safe_for = ["support", "ai"]

[revenue]
type = "decimal"
currency = "EUR"
owner = "RevOps"
description = "What it pays."
sensitivity = "restricted"
safe_for = ["support", "ai"]
"#;

const POLICIES: &str = r#"allow support.view, ai.draft, support.reply
when user.role in ["support", "leadership"]

show account.revenue
unless user.role in ["leadership"]

hide account.plan
when account.plan == "trial" and account.plan == "growth"
or account.plan != "trial" or account.plan != "growth"

allow support.view
when user.role == "support"
"#;

fn folder(account: &str, policies: &str) -> Home {
    let home = Home::new();
    home.write("defs/workspace.toml", "edition = 2026\n");
    home.write("defs/fields/account.toml", account);
    home.write("defs/policies/support.kith", policies);
    home
}

#[test]
fn what_is_likely_not_meant_is_shown_with_its_place_and_what_to_write() {
    let home = folder(ACCOUNT, POLICIES);
    let said = home.run("policy lint defs");
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(format!("{}\n{}", said.out, said.err));
}

/// Each finding accepted where it stands.
fn accepted() -> Home {
    let account = ACCOUNT.trim_end().to_owned()
        + "\naccept = { sensitive-for-ai = \"every draft is read\" }\n";
    let account = account.replacen(
        "safe_for = [\"support\", \"ai\"]\n\n",
        "safe_for = [\"support\", \"ai\"]\naccept = { hidden-from-everyone = \"until the new plans\" }\n\n",
        1,
    );
    let policies = POLICIES
        .replace(
            "show",
            "# accept unless-reversed: leadership asked for it\nshow",
        )
        .replace("hide", "# accept always-true: until the new plans\nhide")
        .replace(
            "allow support.view\n",
            "# accept shadowed: it will stay when the other goes\nallow support.view\n",
        );
    folder(&account, &policies)
}

#[test]
fn what_is_accepted_with_a_reason_is_counted_and_shown_when_asked_for() {
    let home = accepted();
    let said = home.ok("policy lint defs");
    assert_eq!(said, "ok: nothing to point out; 5 accepted, with reasons\n");
    insta::assert_snapshot!(home.ok("policy lint defs --accepted"));
    let json = home.json("policy lint defs");
    assert_eq!(json["ok"], true);
    assert_eq!(json["findings"], Json::Array(Vec::new()));
    let first = &json["accepted"][0];
    assert_eq!(first["code"], "hidden-from-everyone");
    assert_eq!(first["severity"], "warning");
    assert_eq!(first["reason"], "until the new plans");
}

#[test]
fn an_acceptance_that_accepts_nothing_is_a_finding_too() {
    let home = folder(
        ACCOUNT,
        "# accept shadowd: so\n# accept unreachable\n# accept shadowed: so\nallow support.reply\n",
    );
    let said = home.run("policy lint defs --json");
    assert_eq!(said.code, 1);
    let json: Json = serde_json::from_str(&said.out).unwrap();
    let findings = json["findings"].as_array().unwrap().iter();
    let codes: Vec<_> = findings.map(|of| of["code"].as_str().unwrap()).collect();
    assert_eq!(
        codes,
        [
            "hidden-from-everyone",
            "accept-unknown-lint",
            "accept-nothing",
            "accept-nothing"
        ]
    );
}

#[test]
fn a_mistake_is_told_before_anything_is_linted() {
    let home = folder(ACCOUNT, "allow support.veiw\n");
    let error = home.fails(2, "policy lint defs");
    assert!(error.contains("support.veiw"), "{error}");
}

#[test]
fn the_demo_and_the_definitions_of_tests_leave_nothing_to_point_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let home = Home::new();
    for folder in ["demo/definitions", "crates/testkit/definitions"] {
        let folder = root.join(folder);
        let json = home.json(&format!("policy lint '{}'", folder.display()));
        assert_eq!(json["ok"], true, "{json}");
    }
}
