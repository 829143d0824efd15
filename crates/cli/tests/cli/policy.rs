//! `kith policy diff` and `kith policy format`.

use serde_json::Value as Json;

use crate::home::Home;

const WORKSPACE: &str = "edition = 2026\n\n[lookups]\nemail = [\"support.view\"]\n";

const ACCOUNT: &str = r#"
[plan]
type = "enum"
values = ["trial", "growth", "enterprise"]
owner = "RevOps"
description = "The plan."
sensitivity = "internal"
safe_for = ["support", "ai"]

[region]
type = "string"
owner = "RevOps"
description = "Where its data is."
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

const OLD: &str = r#"# Support looks, in its regions.
allow support.view, support.reply
when user.role in ["support", "leadership"]

limit account to account.region in user.regions
when user.role == "support"

# No draft speaks of money.
allow ai.draft
when user.role in ["support", "leadership"]
and account.revenue == hidden

show account.revenue
when user.role == "leadership" or purpose in [ai.draft]

route conversation to "growth"
when account.plan == "growth"
"#;

/// The folder `old`, and `new` with its policies changed.
fn folders(change: impl Fn(&str) -> String) -> Home {
    let home = Home::new();
    for (folder, policies) in [("old", OLD.to_owned()), ("new", change(OLD))] {
        home.write(&format!("{folder}/workspace.toml"), WORKSPACE);
        home.write(&format!("{folder}/fields/account.toml"), ACCOUNT);
        home.write(&format!("{folder}/policies/support.kith"), &policies);
    }
    home
}

/// Each with what it shows: who gains what, and by which request one sees it.
#[test]
fn what_widens_is_told_with_a_request_that_shows_it() {
    let home = folders(|old| {
        format!(
            "{}\n\
             # It grants the drafts that the rule above refused.\n\
             hide account.revenue when user.role == \"support\"\n\
             mask account.plan with last4 when account.region == \"us\"\n",
            old.replace("\"growth\"\nwhen", "\"sales\"\nwhen")
        )
    });
    home.write(
        "new/workspace.toml",
        &WORKSPACE.replace("[\"support.view\"]", "[\"support.reply\"]"),
    );
    let said = home.run("policy diff old new");
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(format!("{}\n{}", said.out, said.err));
}

#[test]
fn machines_get_every_change_as_data() {
    let home = folders(|old| {
        old.replace(
            "[\"support\", \"leadership\"]\n\nlimit",
            "[\"support\", \"leadership\", \"success\"]\n\nlimit",
        )
    });
    let said = home.run("policy diff old new --json");
    assert_eq!(said.code, 1);
    let json: Json = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["ok"], false);
    let change = &json["changes"][0];
    assert_eq!(change["who"]["asker"]["is"], "member");
    assert_eq!(change["who"]["with"], serde_json::json!(["success"]));
    assert_eq!(change["purpose"], "support.view");
    assert_eq!(change["comparison"], "wider");
    assert_eq!(change["example"]["before"], "refused");
    assert_eq!(change["example"]["after"], "allowed");
    let error: Json = serde_json::from_str(&said.err).unwrap();
    assert_eq!(error["exitCode"], 1);
}

#[test]
fn what_only_narrows_is_no_failure() {
    let home =
        folders(|old| format!("{old}\nforbid support.reply when account.plan == \"trial\"\n"));
    let narrower = home.ok("policy diff old new");
    assert!(
        narrower.contains("narrower for a member with `support`"),
        "{narrower}"
    );
    let error = home.fails(1, "policy diff new old");
    assert!(
        error.contains("someone may see more than before"),
        "{error}"
    );
    let same = home.ok("policy diff old old");
    assert!(same.starts_with("same: "), "{same}");
    assert_eq!(same.lines().count(), 1);
}

#[test]
fn what_cannot_be_gone_through_is_unproven_and_a_failure() {
    let pairs = (0..40).map(|word| {
        format!(
            "(user.role == \"a{word}\" and \"a{}\" in user.teams)",
            39 - word
        )
    });
    let pairs: Vec<_> = pairs.collect();
    let home = folders(|old| format!("{old}\nallow export.run when {}\n", pairs.join(" or ")));
    let said = home.run("policy diff old new");
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("unproven for a member"), "{}", said.out);
    assert!(said.err.contains("unproven"), "{}", said.err);
}

#[test]
fn a_mistake_in_either_folder_is_told() {
    let home = folders(|old| format!("{old}\nallow support.veiw\n"));
    let error = home.fails(2, "policy diff old new");
    assert!(
        error.contains("in `new`:") && error.contains("support.veiw"),
        "{error}"
    );
    home.fails(2, "policy diff new old");
    home.fails(2, "policy diff old nowhere");
}

#[test]
fn policies_are_written_in_their_one_form_and_keep_their_comments() {
    let home = folders(|_| {
        "# Why\nallow   support.view when user.role in [\"support\",] # who\n# at the end\n"
            .to_owned()
    });
    let said = home.run("policy format new --check");
    assert_eq!(
        (said.code, said.out.as_str()),
        (
            1,
            "policies/support.kith\n1 of 1 policy file in another form\n"
        )
    );
    let said = home.ok("policy format new");
    assert_eq!(
        said,
        "policies/support.kith\nformatted 1 of 1 policy file\n"
    );
    let text = std::fs::read_to_string(home.path().join("new/policies/support.kith")).unwrap();
    insta::assert_snapshot!(text);
    let said = home.ok("policy format new --check");
    assert_eq!(said, "nothing to change in 1 policy file\n");
    assert_eq!(
        home.json("policy format new")["changed"],
        serde_json::json!([])
    );
}

#[test]
fn nothing_is_written_if_anything_cannot_be_read() {
    let home = folders(|_| "allow support.view   when user.role ==\n".to_owned());
    let ugly = "allow   support.view\n";
    home.write("new/policies/a.kith", ugly);
    home.fails(2, "policy format new");
    let text = std::fs::read_to_string(home.path().join("new/policies/a.kith")).unwrap();
    assert_eq!(text, ugly);
}
