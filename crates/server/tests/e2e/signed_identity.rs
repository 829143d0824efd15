//! A token proves one end user, in an account that they are active in, and says nothing of others.

use kith_auth::end_user::SigningMethod;
use kith_domain::id::SecretId;
use kith_engine::{AuditActor, NewSecret};
use kith_testkit::app::client::{account, person_in};
use kith_testkit::app::tokens;
use kith_testkit::{Answer, Folder, Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    only_a_good_token_of_the_subject_opens_a_draft,
    a_failed_proof_says_why_to_the_audit_alone,
    secrets_are_rotated_without_a_gap_and_end_at_once,
    a_public_key_is_no_secret,
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

async fn a_failed_proof_says_why_to_the_audit_alone(store: Store) {
    let app = with_customers(store, Folder::standard()).await;
    let now = app.clock.unix_seconds();
    let signed = |claims: Value| Value::from(tokens::jwt(&app.jwt_secret(), &claims));
    let unsigned = |alg: &str| {
        let claims = json!({"user_id": "usr_1", "exp": now + 60});
        let message = tokens::unsigned(&json!({"alg": alg}), &claims);
        [
            Value::from(format!("{message}.")),
            Value::from(format!("{message}.AAAA")),
        ]
    };
    let mut cases = vec![
        (
            signed(json!({"user_id": "usr_1", "exp": now - 31})),
            "expired",
        ),
        (signed(json!({"user_id": "usr_1"})), "no-expiry"),
        (
            signed(json!({"user_id": "usr_1", "exp": now + 600, "nbf": now + 300})),
            "not-yet-valid",
        ),
        (signed(json!({"exp": now + 600})), "no-identifier"),
        (
            signed(json!({"user_id": "null", "exp": now + 600})),
            "unusable-identifier",
        ),
        (
            signed(json!({"user_id": "usr_9", "exp": now + 600})),
            "nobody-known",
        ),
        // True, but of another: the audit says how it was proven, the answer that it was not.
        (signed(json!({"user_id": "usr_2", "exp": now + 600})), "jwt"),
        (app.user_hash("usr_2"), "hmac"),
        (json!("x".repeat(9_000)), "too-long"),
        (json!("a.b.c.d"), "malformed"),
        (
            json!({"type": "userId", "value": "usr_1", "hash": "00".repeat(32)}),
            "bad-signature",
        ),
        (
            json!({"type": "userId", "value": "usr_1", "hash": "short"}),
            "malformed",
        ),
        (
            tokens::jwt(
                &app.hash_secret().repeat(2),
                &json!({"user_id": "usr_1", "exp": now + 60}),
            )
            .into(),
            "bad-signature",
        ),
    ];
    for alg in ["none", "None", "NONE", "RS256", "HS512", ""] {
        let [bare, padded] = unsigned(alg);
        cases.push((bare, "malformed"));
        cases.push((padded, "algorithm-refused"));
    }
    let drafter = app.as_agent("drafter").on_behalf_of("sam");
    let without = drafter
        .ask("ai.draft", person_in("usr_1", "acme"))
        .await
        .expect(403);
    for (token, why) in cases {
        let answer = drafter
            .clone()
            .proving(token.clone())
            .ask("ai.draft", person_in("usr_1", "acme"))
            .await
            .expect(403);
        assert_eq!(
            answer.text_without_audit_id(),
            without.text_without_audit_id(),
            "{why}: the forger learns nothing that silence would not have told"
        );
        assert_eq!(leaf(&app, &answer).await["signedIdentity"], why, "{token}");
    }
    assert_eq!(leaf(&app, &without).await["signedIdentity"], Value::Null);
}

/// What the audit log froze about an answer.
async fn leaf(app: &TestApp, answer: &Answer) -> Value {
    let cells = app.home().cells().await;
    let mut leaves = cells
        .iter()
        .filter(|cell| cell.table == "audit" && cell.column == "leaf")
        .filter_map(|cell| serde_json::from_slice::<Value>(&cell.bytes).ok());
    leaves.find(|leaf| leaf["id"] == answer.audit_id()).unwrap()
}

async fn add(app: &TestApp, method: SigningMethod, kid: Option<&str>, bytes: &[u8]) -> SecretId {
    let new = NewSecret {
        method,
        kid: kid.map(str::to_owned),
        bytes: bytes.to_vec(),
    };
    let by = AuditActor::operator();
    app.engine().add_secret(app.id(), by, new).await.unwrap().id
}

async fn secrets_are_rotated_without_a_gap_and_end_at_once(store: Store) {
    let app = with_customers(store, Folder::standard()).await;
    let claims = json!({"user_id": "usr_1", "exp": app.clock.unix_seconds() + 600});
    let (next, last) = ([b'n'; 32], [b'l'; 32]);
    let next_id = add(&app, SigningMethod::Hs256, Some("2026-03"), &next).await;
    add(&app, SigningMethod::Hs256, None, &last).await;
    let with_kid = |secret: &[u8], kid: &str| {
        tokens::jwt_with_header(secret, &json!({"alg": "HS256", "kid": kid}), &claims)
    };
    let drafts = async |token: String, expect: u16, what: &str| {
        let drafter = app.as_agent("drafter").on_behalf_of("sam").proving(token);
        let answer = drafter.ask("ai.draft", person_in("usr_1", "acme")).await;
        assert_eq!(answer.status, expect, "{what}: {answer:?}");
    };
    drafts(tokens::jwt(&app.jwt_secret(), &claims), 200, "the first").await;
    drafts(with_kid(&next, "2026-03"), 200, "the next, by its name").await;
    drafts(tokens::jwt(&next, &claims), 200, "the next, without a name").await;
    drafts(tokens::jwt(&last, &claims), 200, "the last").await;
    drafts(
        with_kid(&next, "2025-12"),
        403,
        "the next, by the name of none",
    )
    .await;
    let by = AuditActor::operator();
    assert!(
        app.engine()
            .revoke_secret(app.id(), by, next_id)
            .await
            .unwrap()
    );
    drafts(with_kid(&next, "2026-03"), 403, "the next, revoked").await;
    drafts(tokens::jwt(&last, &claims), 200, "the last, still").await;
    // Hashes of an email prove whose it is; those of another workspace's secret nobody.
    let other = app.workspace("other", Folder::standard()).await;
    for (token, expect) in [
        (
            tokens::user_hash(&app.hash_secret(), "email", "ada@acme.example"),
            200,
        ),
        (
            tokens::user_hash(&app.hash_secret(), "userId", "ada@acme.example"),
            403,
        ),
        (other.user_hash("usr_1"), 403),
        (other.jwt("usr_1").into(), 403),
    ] {
        let drafter = app
            .as_agent("drafter")
            .on_behalf_of("sam")
            .proving(token.clone());
        let answer = drafter.ask("ai.draft", person_in("usr_1", "acme")).await;
        assert_eq!(answer.status, expect, "{token}");
    }
}

async fn a_public_key_is_no_secret(store: Store) {
    const PUBLIC: &[u8] = include_bytes!("../../../auth/src/end_user/test_keys/p256.public.pem");
    let app = with_customers(store, Folder::standard()).await;
    add(&app, SigningMethod::Es256, Some("es"), PUBLIC).await;
    let claims = json!({"user_id": "usr_1", "exp": app.clock.unix_seconds() + 600});
    // Everyone has the public key, and could sign with it if it were taken for a secret.
    for alg in ["HS256", "ES256", "none"] {
        for header in [json!({"alg": alg}), json!({"alg": alg, "kid": "es"})] {
            let token = tokens::jwt_with_header(PUBLIC, &header, &claims);
            let drafter = app.as_agent("drafter").on_behalf_of("sam").proving(token);
            drafter
                .ask("ai.draft", person_in("usr_1", "acme"))
                .await
                .expect(403);
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
