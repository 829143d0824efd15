//! A token proves one end user, in an account that they are active in, and says nothing of others.

use kith_testkit::app::client::{account, person_in};
use kith_testkit::app::tokens;
use kith_testkit::{Folder, Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    only_a_good_token_of_the_subject_opens_a_draft,
    the_drafts_of_the_worked_cases,
    an_answer_to_the_end_user_needs_a_token_that_expires,
    a_proof_holds_only_in_an_account_that_the_person_is_active_in,
}

async fn with_customers(store: Store, definitions: Folder) -> TestApp {
    let app = TestApp::with_definitions(store, definitions).await;
    app.source("product")
        .deliver([
            json!({"type": "group", "userId": "usr_1", "groupId": "acme",
                   "traits": {"plan": "growth", "region": "eu"}}),
            json!({"type": "identify", "userId": "usr_1", "traits": {"email": "ada@acme.example"}}),
            json!({"type": "group", "userId": "usr_2", "groupId": "acme", "traits": {}}),
            json!({"type": "group", "userId": "usr_3", "groupId": "other", "traits": {"region": "eu"}}),
        ])
        .await;
    app.source("web")
        .deliver([json!({"type": "group", "userId": "usr_web", "groupId": "acme", "traits": {}})])
        .await;
    app
}

async fn only_a_good_token_of_the_subject_opens_a_draft(store: Store) {
    let app = with_customers(store, Folder::standard()).await;
    let now = app.clock.unix_seconds();
    let (secret, claims) = (
        app.jwt_secret(),
        |user: &str, exp: i64| json!({"user_id": user, "exp": exp}),
    );
    let jwt = |claims: Value| Some(Value::from(tokens::jwt(&secret, &claims)));
    let none = json!({"alg": "none", "typ": "JWT"});
    let cases: Vec<(&str, Option<Value>, u16)> = vec![
        ("a good token", jwt(claims("usr_1", now + 60)), 200),
        ("a good hash", Some(app.user_hash("usr_1")), 200),
        ("no token", None, 403),
        ("of another person", jwt(claims("usr_2", now + 60)), 403),
        ("of nobody", jwt(claims("usr_none", now + 60)), 403),
        (
            "of a person that only a browser named",
            jwt(claims("usr_web", now + 60)),
            403,
        ),
        ("expired", jwt(claims("usr_1", now - 3600)), 403),
        ("without expiry", jwt(json!({"user_id": "usr_1"})), 403),
        (
            "another secret",
            Some(
                tokens::jwt(
                    b"not the secret of this workspace, at all",
                    &claims("usr_1", now + 60),
                )
                .into(),
            ),
            403,
        ),
        (
            "unsigned",
            Some(tokens::unsigned(&none, &claims("usr_1", now + 60)).into()),
            403,
        ),
        (
            "a forged hash",
            Some(json!({"type": "userId", "value": "usr_1", "hash": "00".repeat(32)})),
            403,
        ),
        (
            "a hash of another",
            Some({
                let mut hash = app.user_hash("usr_2");
                hash["value"] = "usr_1".into();
                hash
            }),
            403,
        ),
        ("no token at all", Some("nonsense".into()), 403),
    ];
    for (name, token, expect) in cases {
        let mut drafter = app.as_agent("drafter").on_behalf_of("sam");
        if let Some(token) = token {
            drafter = drafter.proving(token);
        }
        let answer = drafter.ask("ai.draft", person_in("usr_1", "acme")).await;
        assert_eq!(answer.status, expect, "{name}: {answer:?}");
        if expect == 403 {
            // The forger learns that it did not hold, and nothing of why.
            assert!(
                !answer.text.contains("expired") && !answer.text.contains("signature"),
                "{name}: {answer:?}"
            );
        }
    }
}

/// The table "States" of the worked cases: what else is published, for whom, and whether it is drafted.
async fn the_drafts_of_the_worked_cases(store: Store) {
    const BASE: &str = r#"
allow support.reply
when user.role in ["support", "leadership"]

allow ai.draft
when account.privateRevenue == hidden
and signedIdentity == true
"#;
    const SAFE: (&str, &str) = (
        "sensitivity = \"restricted\"\nsafe_for = [\"support\", \"reporting\"]",
        "sensitivity = \"restricted\"\nsafe_for = [\"support\", \"reporting\", \"ai\"]",
    );
    let leadership = "show account.privateRevenue\nwhen user.role == \"leadership\"\n";
    let all = "show account.privateRevenue\n";
    let cases: &[(&str, String, bool, &str, u16)] = &[
        ("no more", String::new(), false, "sam", 200),
        ("her own verdict fails", String::new(), false, "kim", 403),
        (
            "visible on her side, gated on the AI's",
            leadership.into(),
            false,
            "lea",
            200,
        ),
        (
            "visible in this request",
            leadership.into(),
            true,
            "lea",
            403,
        ),
        (
            "masked is not hidden",
            format!("{all}\nmask account.privateRevenue with bucket\n"),
            true,
            "sam",
            403,
        ),
        (
            "hidden, but not proven hidden",
            format!("{all}\nhide account.privateRevenue\nwhen account.name == \"us\"\n"),
            true,
            "sam",
            403,
        ),
        (
            "hidden whatever a doubtful hide says",
            "hide account.privateRevenue\nwhen account.name == \"us\"\n".into(),
            false,
            "sam",
            200,
        ),
    ];
    let app = with_customers(store, Folder::standard()).await;
    for (name, more, safe_for_ai, member, expect) in cases {
        let mut folder = Folder::with_policies(&format!("{BASE}\n{more}"));
        if *safe_for_ai {
            folder = folder.replacing("fields/account.toml", SAFE.0, SAFE.1);
        }
        app.publish(folder).await;
        let drafter = app
            .as_agent("drafter")
            .on_behalf_of(member)
            .proving(app.jwt("usr_1"));
        let answer = drafter.ask("ai.draft", person_in("usr_1", "acme")).await;
        assert_eq!(answer.status, *expect, "{name}: {answer:?}");
        assert!(answer.value("account.privateRevenue").is_null(), "{name}");
    }
}

async fn an_answer_to_the_end_user_needs_a_token_that_expires(store: Store) {
    // Without a member a limit that asks for the member's regions hides every account.
    let limit = "limit account to account.region in user.regions\nwhen user.role == \"support\"";
    let folder = Folder::standard().replacing("policies/access.kith", limit, "");
    let app = with_customers(store, folder).await;
    let loner = app.as_agent("loner");
    let subject = || person_in("usr_1", "acme");
    let answer = loner
        .clone()
        .proving(app.jwt("usr_1"))
        .ask("ai.answer", subject())
        .await
        .expect(200);
    assert_eq!(
        answer.json["signedIdentity"],
        json!({"verified": true, "method": "jwt"})
    );
    // A hash never expires, and the policy asks for a JWT.
    loner
        .clone()
        .proving(app.user_hash("usr_1"))
        .ask("ai.answer", subject())
        .await
        .expect(403);
    // Without a member, only rows of the proven person exist.
    loner.clone().ask("ai.answer", subject()).await.expect(404);
    loner
        .clone()
        .proving(app.jwt("usr_2"))
        .ask("ai.answer", subject())
        .await
        .expect(404);
    loner
        .proving(app.jwt("usr_1"))
        .ask("ai.answer", account("acme"))
        .await
        .expect(404);
}

async fn a_proof_holds_only_in_an_account_that_the_person_is_active_in(store: Store) {
    let app = with_customers(store, Folder::standard()).await;
    let sam = app.as_member("sam").proving(app.jwt("usr_1"));
    let own = sam
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    assert_eq!(own.json["signedIdentity"]["verified"], true);
    let foreign = sam
        .ask("support.view", person_in("usr_1", "other"))
        .await
        .expect(200);
    assert_eq!(foreign.json["signedIdentity"]["verified"], false);
    assert!(foreign.json["role"].is_null());
}
