//! Reading definitions: every mistake at its place, all at once, and nothing that a person may write
//! makes it panic.

use proptest::prelude::*;

use super::*;
use crate::definitions::hash;

const WORKSPACE: &str = "edition = 2026\n";

fn files(texts: &[(&str, &str)]) -> Vec<SourceFile> {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).into(),
        text: (*text).into(),
    };
    texts.iter().map(file).collect()
}

/// The findings of a folder that has a good `workspace.toml` unless it brings its own: where, what,
/// and the text that is pointed at.
fn findings(texts: &[(&str, &str)]) -> String {
    let mut all = files(texts);
    if !texts.iter().any(|(path, _)| *path == "workspace.toml") {
        all.extend(files(&[("workspace.toml", WORKSPACE)]));
    }
    let found = match read_folder(all) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    };
    let show = |finding: &Diagnostic| {
        let text = texts.iter().find(|(path, _)| *path == finding.file);
        let pointed_at = text.and_then(|(_, text)| text.get(finding.span.start..finding.span.end));
        let pointed_at = pointed_at.unwrap_or("").escape_debug();
        format!("{finding}\n    {} → {pointed_at}\n", finding.code)
    };
    found.iter().map(show).collect()
}

/// A field that has all it needs.
fn field(key: &str, more: &str) -> String {
    format!(
        "[{key}]\ntype = \"string\"\nowner = \"Platform\"\ndescription = \"d\"\nsensitivity = \"internal\"\n{more}\n"
    )
}

fn event(key: &str, more: &str) -> String {
    field(&format!("\"{key}\""), more).replace("type = \"string\"\n", "")
}

#[test]
fn a_whole_folder_is_read() {
    let account = field(
        "plan",
        "traits = [\"tier\"]\nsafe_for = [\"support\", \"ai\"]\nfreshness = \"1 day\"\nfilterable = true\nsearchable = true\ntags = [\"billing\"]",
    );
    let events = event("checkout.failed", "aliases = [\"Checkout Failed\"]")
        + &field(
            "\"checkout.failed\".properties.code",
            "traits = [\"errorCode\"]",
        );
    let workspace =
        "edition = 2026\n[ceilings]\nai = \"public\"\n[lookups]\nemail = [\"support.view\"]\n";
    let (definitions, warnings) = read_folder(files(&[
        ("policies/b.kith", "# b"),
        ("events.toml", &events),
        ("fields/account.toml", &account),
        ("policies/a.kith", "not parsed here"),
        ("workspace.toml", workspace),
    ]))
    .unwrap();
    assert_eq!(warnings, []);
    assert_eq!(definitions.ceilings.ai, Sensitivity::Public);
    assert_eq!(definitions.ceilings.support, Sensitivity::Confidential);
    assert!(definitions.may_look_up(IdentifierType::Email, Purpose::SupportView));
    assert!(!definitions.may_look_up(IdentifierType::Email, Purpose::AiDraft));
    assert!(!definitions.may_look_up(IdentifierType::UserId, Purpose::SupportView));
    let catalog = &definitions.catalog;
    let plan = catalog
        .get(catalog.by_trait(Entity::Account, "tier").unwrap())
        .unwrap();
    assert_eq!(plan.path.as_str(), "account.plan");
    assert_eq!(plan.freshness, Some(86_400_000_000));
    assert!(
        plan.filterable
            && plan.searchable
            && plan.safe_for.contains(Audience::Ai)
            && !plan.safe_for.contains(Audience::Reporting)
    );
    let failed = catalog.event("Checkout Failed").unwrap();
    assert_eq!(&*failed.name, "checkout.failed");
    assert_eq!(
        catalog.get(failed.properties[0].1).unwrap().path.as_str(),
        "event.checkout.failed.code"
    );
    let policies: Vec<_> = definitions
        .policies
        .iter()
        .map(|policy| &*policy.path)
        .collect();
    assert_eq!(policies, ["policies/a.kith", "policies/b.kith"]);
}

#[test]
fn what_a_field_accepts_is_read_with_its_reason() {
    let accept = "accept = { sensitive-for-ai = \" drafts are read \", made-up = \"\" }";
    let property = field("\"login\".properties.method", accept);
    let (definitions, _) = read_folder(files(&[
        ("workspace.toml", WORKSPACE),
        ("fields/account.toml", &field("plan", accept)),
        ("events.toml", &(event("login", accept) + &property)),
    ]))
    .unwrap();
    let accepts = definitions.accepts.iter();
    let accepts: Vec<_> = accepts
        .map(|of| format!("{} {} {:?}", of.field, of.lint, of.reason))
        .collect();
    let expect = ["event.login", "event.login.method", "account.plan"].map(|field| {
        [
            format!("{field} sensitive-for-ai \"drafts are read\""),
            format!("{field} made-up \"\""),
        ]
    });
    assert_eq!(accepts, expect.concat());

    let wrong = field("plan", "accept = { unreachable = 3 }") + &field("seats", "accept = \"all\"");
    insta::assert_snapshot!(findings(&[("fields/account.toml", &wrong)]));
}

#[test]
fn every_mistake_of_a_workspace_file_is_found_at_its_place() {
    let workspace = "\
edition = 2025
name = \"Acme\"

[ceiling]
ai = \"internal\"

[ceilings]
support = \"secret\"
ai = 3
marketing = \"public\"

[lookups]
e_mail = [\"support.view\"]
userId = [\"support.veiw\", 7]
groupId = \"support.view\"
";
    insta::assert_snapshot!(findings(&[("workspace.toml", workspace)]));
}

#[test]
fn only_texts_of_a_row_of_its_own_are_searchable() {
    let searchable = "searchable = true";
    let int = field("seats", searchable).replace("\"string\"", "\"int\"");
    let property = field("\"login\".properties.method", searchable);
    insta::assert_snapshot!(findings(&[
        ("events.toml", &(event("login", "") + &property)),
        ("fields/account.toml", &(field("name", searchable) + &int)),
        ("fields/role.toml", &field("name", searchable)),
    ]));
}

#[test]
fn every_mistake_of_a_fields_file_is_found_at_its_place() {
    let account = "\
stray = 1

[plan]
type = \"enun\"
owner = \"\"
sensitivity = \"internl\"
safe_for = [\"support\", \"Ai\"]
mask = \"blur\"
freshness = \"one month\"
lifecycle = \"live\"
filterable = \"yes\"
colour = \"red\"

[Region]
type = \"string\"

[\"a.b\"]
type = \"string\"

[nothing]

[ohneBeschreibung]
type = 'int'
owner = 'Zürich'
sensitivity = 'internal'
values = ['a']
currency = 'EUR'

[empty]
type = \"enum\"
owner = \"Billing\"
description = \"An enum without words\"
sensitivity = \"public\"

[words]
type = \"enum\"
values = [\"one\", \"\", \"one\", 2]
owner = \"Billing\"
description = \"An enum with bad words\"
sensitivity = \"public\"

[revenue]
type = \"decimal\"
currency = \"euro\"
owner = [\"Billing\"]
description = \"Money\"
sensitivity = \"restricted\"
identifier = \"iban\"
";
    insta::assert_snapshot!(findings(&[("fields/account.toml", account)]));
}

#[test]
fn every_mistake_of_an_events_file_is_found_at_its_place() {
    let events = "\
login = \"yes\"

[checkout.failed]
owner = \"Product\"

[\"Checkout Started\"]
owner = \"Product\"

[\"checkout.done\"]
type = \"bool\"
owner = \"Product\"
description = \"Paid\"
sensitivity = \"internal\"
aliases = \"Checkout Done\"

[\"checkout.done\".properties]
plain = \"string\"

[\"checkout.done\".properties.amount]
type = \"money\"
owner = \"Product\"
description = \"How much\"
sensitivity = \"internal\"
aliases = []

[search]
owner = \"Product\"
description = \"Searched\"
sensitivity = \"internal\"
properties = [\"query\"]
";
    insta::assert_snapshot!(findings(&[("events.toml", events)]));
}

#[test]
fn what_is_no_toml_is_reported_and_the_rest_is_read() {
    let account = "\
[plan]
type = \"string
owner = \"Platform\"
description = \"Tärif\" \"twice\"
sensitivity = \"internal\"

[plan]
type = \"int\"
=
";
    insta::assert_snapshot!(findings(&[
        ("fields/account.toml", account),
        ("workspace.toml", "edition = \u{0}")
    ]));
}

#[test]
fn every_root_has_a_file_of_fields_and_no_field_has_the_name_of_a_relation() {
    let all = Entity::ALL.into_iter().filter(|of| *of != Entity::Event);
    let files: Vec<_> = all
        .map(|of| (format!("fields/{of}.toml"), field("tier", "")))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    assert_eq!(findings(&files), "");
    let (site, tier) = (field("site", ""), field("account", ""));
    let beside = field("accounts", "");
    insta::assert_snapshot!(findings(&[
        ("fields/account.toml", &site),
        ("fields/person.toml", &beside),
        ("fields/subscription.toml", &tier),
    ]), @r"
    fields/account.toml:1:2: `account.site` is the relation between the two, not a field (name the field for what it holds, such as `companyName`)
        reserved-key → site
    fields/person.toml:1:2: `accounts` stands beside the fields in every answer (name the field for what it holds, such as `customerId`)
        reserved-key → accounts
    fields/subscription.toml:1:2: `subscription.account` is the relation between the two, not a field (name the field for what it holds, such as `companyName`)
        reserved-key → account
    ");
}

#[test]
fn files_that_do_not_belong_are_named() {
    insta::assert_snapshot!(findings(&[
        ("README.md", ""),
        ("events.TOML", ""),
        ("fields/accounts.toml", ""),
        ("fields/event.toml", ""),
        ("fields/../../account.toml", ""),
        ("policies/support.cedar", ""),
        ("policies/.kith", ""),
        ("policies/../../outside.kith", ""),
        ("policies/deep/er.kith", ""),
        ("policies/back\\slash.kith", ""),
    ]));
}

#[test]
fn clashes_between_fields_are_found_across_files() {
    let person = field("userId", "identifier = \"userId\"")
        + &field("login", "identifier = \"userId\"\ntraits = [\"mail\"]")
        + &field("email", "traits = [\"mail\", \"email\", \"mail\"]")
        + &field("address", "traits = [\"email\"]")
        + &field("age", "identifier = \"email\"").replace("\"string\"", "\"int\"");
    let account = field("owner", "identifier = \"phone\"\ntraits = [\"mail\"]");
    let events = event("checkout", "aliases = [\"Checkout\", \"pay\"]")
        + &field("checkout.properties.failed", "traits = [\"code\"]")
        + &field("checkout.properties.code", "")
        + &event("checkout.failed", "aliases = [\"Checkout\", \"Checkout\"]")
        + &event("pay", "aliases = [\"pay\"]")
        + &field("pay.properties.reason", "traits = [\"code\"]");
    insta::assert_snapshot!(findings(&[
        ("fields/account.toml", &account),
        ("fields/person.toml", &person),
        ("events.toml", &events),
    ]));
}

#[test]
fn folders_beyond_the_limits_are_refused_before_they_are_read() {
    let check = |files: Vec<SourceFile>, code: &str| {
        let found = read_folder(files).unwrap_err();
        let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code]);
    };
    let file = |path: String, text: String| SourceFile { path, text };
    let many = (0..=MAX_FILES).map(|n| file(format!("policies/p{n}.kith"), String::new()));
    check(many.collect(), "too-many-files");
    check(
        vec![file(
            "workspace.toml".into(),
            " ".repeat(MAX_FILE_BYTES + 1),
        )],
        "file-too-large",
    );
    let twice = file("workspace.toml".into(), WORKSPACE.into());
    check(vec![twice.clone(), twice], "duplicate-file");
    check(vec![], "missing-file");
    // Two files, because one may not be that large.
    let fields = |numbers: std::ops::Range<usize>| -> String {
        numbers.map(|n| field(&format!("f{n}"), "")).collect()
    };
    let all = files(&[
        ("workspace.toml", WORKSPACE),
        ("fields/account.toml", &fields(0..MAX_FIELDS / 2)),
        ("fields/person.toml", &fields(0..MAX_FIELDS / 2 + 1)),
    ]);
    check(all, "too-many-fields");
}

#[test]
fn a_file_of_nothing_but_mistakes_is_given_up_in_good_time() {
    let text = "x=1\n".repeat(MAX_FILE_BYTES / 4);
    let found = read_folder(files(&[
        ("fields/account.toml", &text),
        ("workspace.toml", WORKSPACE),
    ]))
    .unwrap_err();
    assert_eq!(found.len(), 200);
    assert_eq!(found[199].code, "too-many-findings");
}

#[test]
fn nesting_without_end_is_a_finding() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{b=".repeat(100_000)),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("[{}]", vec!["a"; 100_000].join(".")),
    ] {
        for path in ["fields/account.toml", "events.toml", "workspace.toml"] {
            assert_ne!(findings(&[(path, &text)]), "");
        }
    }
}

/// Lines that people write, well and badly.
fn line() -> impl Strategy<Value = String> {
    let key = "edition|ceilings|lookups|type|values|currency|owner|description|sensitivity|safe_for|mask|freshness|traits|identifier|aliases|properties|lifecycle|[a-zA-Z.\"]{0,6}";
    let value = "2026|true|\"(string|enum|decimal|internal|EUR|1 day|email|draft|\\PC{0,5})\"|\\[\"a\", 1\\]|\\{ type = \"int\" \\}|\\PC{0,6}";
    prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        key.prop_map(|key| format!("[{key}]")),
        key.prop_map(|key| format!("[\"{key}\".properties.x]")),
        "\\PC{0,20}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_reading_twice_is_the_same(
        lines in prop::collection::vec(line(), 0..12),
        path in prop_oneof![Just("workspace.toml"), Just("events.toml"), Just("fields/account.toml"), Just("policies/a.kith")],
    ) {
        let mut all = files(&[(path, &lines.join("\n"))]);
        if path != "workspace.toml" {
            all.extend(files(&[("workspace.toml", WORKSPACE)]));
        }
        let first = read_folder(all.clone());
        all.reverse();
        match (first, read_folder(all.clone())) {
            (Ok((once, _)), Ok((again, _))) => {
                prop_assert_eq!(hash(&once.files), hash(&all));
                prop_assert_eq!(once, again);
            }
            (Err(once), Err(again)) => {
                prop_assert!(!once.is_empty());
                for finding in &once {
                    prop_assert!(finding.line >= 1 && finding.column >= 1);
                }
                prop_assert_eq!(once, again);
            }
            _ => prop_assert!(false, "the order of files decided"),
        }
    }

    #[test]
    fn a_change_of_any_file_changes_the_hash(text in "\\PC{0,20}", other in "\\PC{0,20}") {
        let one = files(&[("a", &text), ("b", &other)]);
        let moved = files(&[("a", &format!("{text}{other}")), ("b", "")]);
        prop_assert_eq!(hash(&one) == hash(&moved), one == moved);
        prop_assert_ne!(hash(&one), hash(&one[..1]));
    }
}
