//! Reading cases: what a support lead writes, and what they are told when it is wrong.

use super::*;
use crate::definitions::read_folder;
use crate::value::Decimal;
use crate::{Audience, Principal};

const ACCOUNT: &str = r#"
[plan]
type = "enum"
values = ["trial", "growth"]
owner = "o"
description = "d"
sensitivity = "internal"

[revenue]
type = "decimal"
currency = "EUR"
owner = "o"
description = "d"
sensitivity = "restricted"

[openedAt]
type = "timestamp"
owner = "o"
description = "d"
sensitivity = "internal"

[labels]
type = "strings"
owner = "o"
description = "d"
sensitivity = "internal"

[waits]
type = "duration"
owner = "o"
description = "d"
sensitivity = "internal"

[score]
type = "int"
sensitivity = "internal"
lifecycle = "draft"
"#;

const CAST: &str = r#"
[members.sam]
roles = ["support"]
regions = ["eu"]

[members.lea]
roles = ["leadership"]

[agents.drafter]
kind = "ai"

[account.acme]
plan = "growth"
revenue = "12500.50 USD"
openedAt = 2026-01-01
labels = ["vip"]
waits = "36 hours"
"#;

fn read(texts: &[(&str, &str)]) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let mut all = vec![
        ("workspace.toml", "edition = 2026"),
        ("fields/account.toml", ACCOUNT),
    ];
    all.extend(texts);
    let file = |(path, text): (&str, &str)| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    read_folder(all.into_iter().map(file).collect()).map(|(definitions, _)| definitions.cases)
}

fn case(text: &str) -> Case {
    let text = format!("[[case]]\nname = \"c\"\n{text}");
    let mut cases = read(&[("tests/cast.toml", CAST), ("tests/a.toml", &text)]).unwrap();
    assert_eq!(cases.len(), 1);
    cases.remove(0)
}

#[test]
fn a_case_says_who_asks_why_about_whom_and_what_must_come_of_it() {
    let case = case(
        r#"actor = "drafter for sam"
purpose = "ai.draft"
account = "acme"
signed_identity = "hmac"
now = 2026-02-01T00:00:00Z
visible = ["account.plan"]
masked = ["account.openedAt with year"]
hidden = ["account.revenue"]
"#,
    );
    let asked = case.asked.unwrap();
    assert_eq!(&*asked.who, "drafter for sam");
    assert_eq!(asked.purpose, Purpose::AiDraft);
    assert_eq!(asked.purpose.audience(), Some(Audience::Ai));
    assert!(matches!(asked.actor.principal, Principal::Agent(_)));
    assert_eq!(&*asked.actor.on_behalf_of.unwrap().name, "sam");
    assert_eq!(case.signed_identity, Some(ProofMethod::Hmac));
    assert_eq!(case.now.to_string(), "2026-02-01T00:00:00Z");
    assert_eq!(
        case.expected.answer,
        Some(Answer::Allowed),
        "fields are shown in an answer"
    );
    let states: Vec<_> = case
        .expected
        .states
        .iter()
        .map(|(_, state)| *state)
        .collect();
    let wanted = [
        CaseState::Visible,
        CaseState::Masked(Some(MaskKind::Year)),
        CaseState::Hidden,
    ];
    assert_eq!(states, wanted);
    let account = &case.rows[&Entity::Account];
    let revenue = account.values().find_map(|value| match value {
        Value::Decimal(Decimal { micros, currency }) => Some((*micros, currency.unwrap())),
        _ => None,
    });
    assert_eq!(revenue, Some((12_500_500_000, "USD".parse().unwrap())));
    assert_eq!(account.len(), 5);
}

#[test]
fn every_actor_is_asked_for_every_purpose() {
    let text = r#"
[[case]]
name = "nobody edits"
actor = ["sam", "lea"]
purpose = ["account.edit", "policy.edit", "audit.view"]
expect = "refused"
"#;
    let cases = read(&[("tests/cast.toml", CAST), ("tests/a.toml", text)]).unwrap();
    assert_eq!(cases.len(), 6);
    assert_eq!(cases[0].line, 3);
}

#[test]
fn where_a_conversation_goes_needs_nobody_to_ask() {
    let case = case("account = { plan = \"growth\" }\nrouted_to = \"enterprise\"");
    assert_eq!(case.asked, None);
    assert_eq!(case.expected.routed_to.as_deref(), Some("enterprise"));
}

#[test]
fn cases_are_part_of_what_is_published() {
    let file = |text: &str| SourceFile {
        path: "tests/a.toml".into(),
        text: text.into(),
    };
    let hash = |text| crate::definitions::hash(&[file(text)]);
    assert_ne!(hash("# one"), hash("# two"));
}

/// Each mistake: the text of a case, and what is said of it.
#[test]
fn every_mistake_is_told_with_what_to_do() {
    let sound = "actor = \"sam\"\npurpose = \"support.view\"\n";
    let check = |text: &str, says: &str| {
        let text = format!("[[case]]\nname = \"c\"\n{text}");
        let found = read(&[("tests/cast.toml", CAST), ("tests/a.toml", &text)]).unwrap_err();
        let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 1, "{text}\n{shown:#?}");
        assert!(shown[0].starts_with("tests/a.toml:"), "{}", shown[0]);
        assert!(shown[0].ends_with(says), "{}\n{says}", shown[0]);
    };
    check(
        "actor = \"sma\"\npurpose = \"support.view\"\nexpect = \"allowed\"",
        "`sma` is no member and no agent (did you mean `sam`?)",
    );
    check(
        "actor = \"drafter for bo\"\npurpose = \"ai.draft\"\nexpect = \"allowed\"",
        "`bo` is no member (describe them in a file of `tests/`: `[members.bo]`, or `[agents.bo]`)",
    );
    check(
        "actor = \"lea for sam\"\npurpose = \"ai.draft\"\nexpect = \"allowed\"",
        "`lea` is a member, and members act for themselves (name an agent before `for`)",
    );
    check(
        "actor = \"sam\"\npurpose = \"support.veiw\"\nexpect = \"allowed\"",
        "`support.veiw` is no purpose (did you mean `support.view`?)",
    );
    check(
        "actor = \"sam\"\nexpect = \"allowed\"",
        "a case has no purpose (say why: `purpose = \"support.view\"`)",
    );
    check(
        "actor = []\npurpose = \"support.view\"\nexpect = \"allowed\"",
        "a case has no actor (name who asks: `actor = \"sam\"`)",
    );
    check(
        sound,
        "a case expects nothing (add `expect = \"allowed\"`, `\"refused\"` or `\"not found\"`)",
    );
    check(
        &format!("{sound}expect = \"denied\""),
        "`denied` is no answer (use one of `allowed`, `refused`, `not found`)",
    );
    check(
        &format!("{sound}expect = \"refused\"\nhidden = [\"account.plan\"]"),
        "where the answer is `refused`, no field is shown (remove `visible`, `masked` and `hidden` from this case)",
    );
    check(
        &format!("{sound}visible = [\"account.plna\"]"),
        "the catalog has no field `account.plna` (did you mean `account.plan`?)",
    );
    check(
        &format!("{sound}visible = [\"account.plan\"]\nhidden = [\"account.plan\"]"),
        "`account.plan` is expected twice (keep one of them)",
    );
    check(
        &format!("{sound}masked = [\"account.plan with last5\"]"),
        "`last5` is no mask (did you mean `last4`?)",
    );
    check(
        &format!("{sound}expect = \"allowed\"\naccount = \"acne\""),
        "`acne` is no account (did you mean `acme`?)",
    );
    check(
        &format!("{sound}expect = \"allowed\"\naccount = {{ plan = \"grwth\" }}"),
        "`account.plan` takes one of `trial`, `growth`",
    );
    check(
        &format!("{sound}expect = \"allowed\"\naccount = {{ score = 1 }}"),
        "`account.score` is a draft and never has a value (leave it out until the field is active)",
    );
    check(
        &format!("{sound}expect = \"allowed\"\naccont = \"acme\""),
        "a case has no key `accont` (did you mean `account`?)",
    );
    check(
        &format!("{sound}expect = \"allowed\"\nsigned_identity = \"saml\""),
        "`signed_identity` must be `true`, `false`, `\"jwt\"` or `\"hmac\"`, found string",
    );
    check(
        &format!("{sound}expect = \"allowed\"\nnow = \"soon\""),
        "`now` must be a time such as `2026-01-31T12:00:00Z`, found string",
    );
}

#[test]
fn names_are_shared_by_all_files_and_taken_once() {
    let check = |text: &str, says: &str| {
        let found = read(&[("tests/a.toml", CAST), ("tests/b.toml", text)]).unwrap_err();
        let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 1, "{text}\n{shown:#?}");
        assert!(shown[0].contains(says), "{}\n{says}", shown[0]);
    };
    check("[members.sam]", "b.toml:1:10: `sam` is described twice");
    check("[agents.sam]\nkind = \"ai\"", "`sam` is described twice");
    check("[account.acme]", "account `acme` is described twice");
    check("[agents.bot]", "agent `bot` says no `kind`");
    check(
        "[agents.bot]\nkind = \"robot\"",
        "`robot` is no kind of agent",
    );
    check(
        "[members.\"a for b\"]",
        "`a for b` cannot name a member or an agent",
    );
    check(
        "[members.bo]\nrole = [\"x\"]",
        "member `bo` has no key `role`",
    );
    check("[members.bo]\nid = \"7\"", "`7` is no id");
    check("[acount.acme]", "a file of tests has no key `acount`");
    check("case = 1", "`case` must be a list of tables");
    check("[members.bo]\nroles = [\"a\"", "not valid TOML");
}

#[test]
fn mistakes_of_the_catalog_are_not_told_twice() {
    let broken =
        "[plan]\ntype = \"enum\"\nowner = \"o\"\ndescription = \"d\"\nsensitivity = \"internal\"";
    let text = "[account.x]\nplan = \"growth\"\nfoo = 1";
    let file = |(path, text): (&str, &str)| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let files = [
        ("workspace.toml", "edition = 2026"),
        ("fields/account.toml", broken),
        ("tests/a.toml", text),
    ];
    let found = read_folder(files.into_iter().map(file).collect()).unwrap_err();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].file, "fields/account.toml");
}
