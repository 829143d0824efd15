//! Whatever arrives, nothing beside it is lost, nothing breaks, and the answer says what to mend.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use kith_domain::Entropy as _;
use kith_testkit::app::SeededEntropy;
use kith_testkit::app::client::{account, person};
use kith_testkit::{Answer, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

crate::promises! {
    a_bad_event_spoils_nothing_beside_it,
    a_body_that_no_parser_can_read_is_refused_whole,
    bodies_are_bounded_and_may_be_compressed,
    a_bad_question_is_told_all_its_mistakes_at_once,
    what_is_not_there_says_what_is,
    damaged_requests_break_nothing,
}

/// Events that are wrong in one way, as their JSON text.
fn bad_events() -> Vec<(&'static str, Vec<u8>)> {
    let text = |name, text: &str| (name, text.as_bytes().to_vec());
    let identify = |name, traits: String| {
        let event = format!(r#"{{"type":"identify","userId":"usr_bad","traits":{traits}}}"#);
        (name, event.into_bytes())
    };
    vec![
        identify(
            "larger than 32 KiB",
            format!(r#"{{"name":"{}"}}"#, "x".repeat(33_000)),
        ),
        identify(
            "a text that is too long",
            format!(r#"{{"name":"{}"}}"#, "x".repeat(9_000)),
        ),
        identify(
            "a name of a trait that is too long",
            format!(r#"{{"{}":1}}"#, "k".repeat(20_000)),
        ),
        identify("very many unknown traits", {
            let traits: Vec<String> = (0..2_000).map(|n| format!(r#""t{n}":1"#)).collect();
            format!("{{{}}}", traits.join(","))
        }),
        identify("NUL in a value", r#"{"name":"a\u0000b"}"#.into()),
        identify("NUL in the name of a trait", r#"{"na\u0000me":"x"}"#.into()),
        identify(
            "half a surrogate pair in a value",
            r#"{"name":"\ud800"}"#.into(),
        ),
        identify(
            "half a surrogate pair in a name",
            r#"{"\ud800":"x"}"#.into(),
        ),
        identify(
            "a line break in the name of a trait",
            r#"{"a\nb":"x"}"#.into(),
        ),
        identify("an array for traits", "[1,2]".into()),
        identify("a number beyond every range", r#"{"seats":1e400}"#.into()),
        identify(
            "nesting without end",
            format!(
                "{}{}",
                r#"{"name":"#,
                "[".repeat(9_000) + &"]".repeat(9_000) + "}"
            ),
        ),
        identify(
            "the same trait twice",
            r#"{"name":"first","name":7}"#.into(),
        ),
        identify(
            "an email that is none",
            r#"{"email":"not an address"}"#.into(),
        ),
        text("no user", r#"{"type":"identify","traits":{"name":"x"}}"#),
        text(
            "an object for a user",
            r#"{"type":"identify","userId":{"id":1}}"#,
        ),
        text(
            "a placeholder for a user",
            r#"{"type":"identify","userId":"undefined"}"#,
        ),
        text(
            "NUL in a user",
            r#"{"type":"identify","userId":"a\u0000b"}"#,
        ),
        text(
            "a user that is too long",
            &format!(r#"{{"type":"identify","userId":"{}"}}"#, "u".repeat(2_000)),
        ),
        text(
            "a group of the wrong type",
            r#"{"type":"group","userId":"usr_bad","groupId":[1]}"#,
        ),
        text(
            "traits of the wrong types",
            r#"{"type":"group","groupId":"bad","traits":{"plan":"platinum","seats":"many","signupAt":"soon","privateRevenue":{"amount":"x"},"region":true}}"#,
        ),
        text(
            "an integer that is too large",
            r#"{"type":"group","groupId":"bad","traits":{"seats":1000000000000000000000000000000}}"#,
        ),
        text(
            "money of an odd kind",
            r#"{"type":"group","groupId":"bad","traits":{"privateRevenue":{"amount":"1.0000000001","currency":"euro"}}}"#,
        ),
        text("no event", r#"{"type":"track","userId":"usr_bad"}"#),
        text(
            "NUL in an event",
            r#"{"type":"track","userId":"usr_bad","event":"a\u0000b"}"#,
        ),
        text(
            "an unknown event",
            r#"{"type":"track","userId":"usr_bad","event":"never.heard.of"}"#,
        ),
        text(
            "an event's name that is too long",
            &format!(
                r#"{{"type":"track","userId":"usr_bad","event":"{}"}}"#,
                "e".repeat(300)
            ),
        ),
        text(
            "unknown and wrong properties",
            r#"{"type":"track","userId":"usr_bad","event":"checkout.failed","properties":{"amount":"lots","nope":1,"code":"kept"}}"#,
        ),
        text(
            "a NUL beside a good property",
            r#"{"type":"track","userId":"usr_bad","event":"checkout.failed","properties":{"no\u0000pe":1,"code":"kept"}}"#,
        ),
        text(
            "times that are none",
            r#"{"type":"track","userId":"usr_bad","event":"checkout.failed","timestamp":"99999-99-99"}"#,
        ),
        text(
            "a messageId that is too long",
            &format!(
                r#"{{"type":"track","userId":"usr_bad","event":"checkout.failed","messageId":"{}"}}"#,
                "m".repeat(101)
            ),
        ),
        text(
            "NUL in a messageId",
            r#"{"type":"track","userId":"usr_bad","event":"checkout.failed","messageId":"m\u0000"}"#,
        ),
        text(
            "an alias from nobody",
            r#"{"type":"alias","userId":"usr_bad"}"#,
        ),
        text(
            "an unknown type",
            r#"{"type":"teleport","userId":"usr_bad"}"#,
        ),
        text("no type", r#"{"userId":"usr_bad"}"#),
        text("a number", "5"),
        text("nothing", "null"),
        text("a list", "[[]]"),
        (
            "bytes that are no UTF-8",
            b"{\"type\":\"identify\",\"userId\":\"usr_bad\",\"traits\":{\"name\":\"\xff\xfe\"}}"
                .to_vec(),
        ),
    ]
}

async fn a_bad_event_spoils_nothing_beside_it(store: Store) {
    let app = TestApp::start(store).await;
    let product = app.source("product");
    let mut told = String::new();
    let mut seen = 0;
    for (number, (name, bad)) in bad_events().into_iter().enumerate() {
        // Ids grow with time, so what was refused is found in the order of its delivery.
        app.clock.advance_seconds(1);
        let good = |place| {
            json!({
                "type": "track", "userId": "usr_good", "event": "page.viewed",
                "messageId": format!("good-{number}-{place}"),
            })
            .to_string()
        };
        let body = [
            br#"{"batch":["#.as_slice(),
            good("before").as_bytes(),
            b",",
            &bad,
            b",",
            good("after").as_bytes(),
            b"]}",
        ]
        .concat();
        let answer = product.post("/v1/batch", body).await;
        assert_eq!(answer.text, r#"{"success":true}"#, "{name}: {answer:?}");
        let kept = app
            .home()
            .column(&format!(
                "SELECT message_id FROM event WHERE message_id LIKE 'good-{number}-%'"
            ))
            .await;
        assert_eq!(kept.len(), 2, "{name}: its neighbours were lost");
        let refused = app
            .home()
            .column("SELECT path || '|' || code || '|' || detail FROM quarantine ORDER BY id")
            .await;
        let _ = writeln!(told, "{name}");
        for row in &refused[seen..] {
            let parts: Vec<Vec<&str>> = row
                .split('|')
                .map(|part| part.split('\n').collect())
                .collect();
            let faults = parts[0].iter().zip(&parts[1]).zip(&parts[2]);
            for ((path, code), detail) in faults.take(3) {
                let _ = writeln!(told, "    {path}: {code}: {detail}");
            }
        }
        assert!(refused.len() > seen, "{name}: dropped in silence");
        seen = refused.len();
    }
    insta::assert_snapshot!("bad_events", told);

    // What fits of a message is kept.
    let context = app
        .as_member("lea")
        .ask("support.view", person("usr_bad"))
        .await
        .expect(200);
    assert!(context.text.contains(r#""value":"kept""#), "{context:?}");
}

async fn a_body_that_no_parser_can_read_is_refused_whole(store: Store) {
    let app = TestApp::start(store).await;
    let product = app.source("product");
    let bodies: &[(&str, &[u8])] = &[
        ("nothing at all", b""),
        ("blanks", b"  \n"),
        (
            "cut off",
            br#"{"batch":[{"type":"track","userId":"usr_1","event":"page.viewed"},{"ty"#,
        ),
        ("not JSON", b"type=track&userId=usr_1"),
        ("two documents", br#"{"batch":[]}{"batch":[]}"#),
        ("bytes", b"\x00\x01\x02\xff"),
    ];
    let mut told = String::new();
    for path in ["/v1/batch", "/v1/track"] {
        for (name, body) in bodies {
            let answer = product.post(path, *body).await;
            let _ = writeln!(told, "{path}, {name}: {answer:?}");
        }
    }
    insta::assert_snapshot!("unreadable_bodies", told);
    let kept = app.home().column("SELECT message_id FROM event").await;
    assert_eq!(kept, [""; 0]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn bodies_are_bounded_and_may_be_compressed(store: Store) {
    const MIB: usize = 1024 * 1024;
    let app = TestApp::start(store).await;
    let product = app.source("product");
    let message = |id: &str| json!({"type": "track", "userId": "usr_1", "event": "page.viewed", "messageId": id});
    let batch = |id: &str, size: usize| {
        let body = json!({"batch": [message(id)]}).to_string();
        let blanks = " ".repeat(size.saturating_sub(body.len()));
        (body + &blanks).into_bytes()
    };
    let zipped: &[(&str, &str)] = &[("content-encoding", "gzip")];
    // As RudderStack's Node library labels its JSON.
    let as_form: &[(&str, &str)] = &[
        ("content-encoding", "gzip"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let as_text: &[(&str, &str)] = &[("content-type", "text/plain")];
    let taken = [
        ("plain", vec![], batch("plain", 0)),
        ("text", as_text.to_vec(), batch("text", 0)),
        ("limit", vec![], batch("limit", 4 * MIB)),
        ("gzip", zipped.to_vec(), gzip(&batch("gzip", 0))),
        ("form", as_form.to_vec(), gzip(&batch("form", 0))),
        (
            "gzip-limit",
            zipped.to_vec(),
            gzip(&batch("gzip-limit", 4 * MIB)),
        ),
    ];
    for (id, headers, body) in taken {
        product
            .post_with("/v1/batch", &headers, body)
            .await
            .expect(200);
        let kept = app
            .home()
            .column(&format!(
                "SELECT message_id FROM event WHERE message_id = '{id}'"
            ))
            .await;
        assert_eq!(kept, [id]);
    }

    let bomb = gzip(&vec![b' '; 64 * MIB]);
    assert!(bomb.len() < MIB);
    let refused = [
        ("one byte too many", vec![], batch("over", 4 * MIB + 1)),
        (
            "too much once unpacked",
            zipped.to_vec(),
            gzip(&batch("over", 4 * MIB + 1)),
        ),
        ("a bomb", zipped.to_vec(), bomb),
        ("not the gzip it says", zipped.to_vec(), batch("lie", 0)),
        ("gzip that is cut off", zipped.to_vec(), {
            let whole = gzip(&batch("cut", 100_000));
            whole[..whole.len() - 9].to_vec()
        }),
        (
            "an encoding nobody knows",
            vec![("content-encoding", "br")],
            batch("br", 0),
        ),
    ];
    let mut told = String::new();
    for (name, headers, body) in refused {
        let answer = product.post_with("/v1/batch", &headers, body.clone()).await;
        let _ = writeln!(told, "ingest, {name}: {answer:?}");
        // The same to a route that answers problem documents.
        let sam = app.as_member("sam");
        let answer = sam
            .send_with(Method::POST, "/v1/context", &headers, body)
            .await;
        let _ = writeln!(
            told,
            "context, {name}: {} {answer:?}",
            answer.header("content-type")
        );
    }
    insta::assert_snapshot!("bounded_bodies", told);
    let kept = app.home().column("SELECT message_id FROM event").await;
    assert_eq!(kept.len(), 6);
}

fn bad_questions() -> Vec<(&'static str, String)> {
    let person = json!({"type": "userId", "value": "usr_1"});
    let with = |name, body: Value| (name, body.to_string());
    let about =
        |name, subject: Value| with(name, json!({"purpose": "support.view", "subject": subject}));
    vec![
        ("nothing", String::new()),
        ("cut off", r#"{"purpose":"support.view","subj"#.into()),
        ("a list", "[]".into()),
        ("nesting without end", "[".repeat(10_000)),
        ("half a surrogate pair", r#"{"purpose":"\ud800"}"#.into()),
        with("an empty object", json!({})),
        with(
            "only wrong keys",
            json!({"Purpose": 1, "subjects": {}, "x": null}),
        ),
        with(
            "everything wrong at once",
            json!({
                "purpose": "support.veiw",
                "subject": {"person": {"type": "userId", "value": 7, "id": null}, "acount": {}},
                "onBehalfOf": ["sam"],
                "identityToken": {"type": "userId", "value": "usr_1", "hsah": "00"},
                "fields": [],
            }),
        ),
        with(
            "an unknown purpose",
            json!({"purpose": "world.peace", "subject": {"person": person}}),
        ),
        with(
            "a purpose that is no text",
            json!({"purpose": 5, "subject": {"person": person}}),
        ),
        about("an empty subject", json!({})),
        about("a subject that is no object", json!("usr_1")),
        about("a person that is no object", json!({"person": "usr_1"})),
        about("an empty person", json!({"person": {}})),
        about(
            "an id of another kind",
            json!({"person": {"id": "acc_01h455vb4pex5vsknk084sn02q"}}),
        ),
        about("an id that is none", json!({"account": {"id": "1 OR 1=1"}})),
        about(
            "an unknown type",
            json!({"person": {"type": "passport", "value": "x"}}),
        ),
        about(
            "a type of another root",
            json!({"person": {"type": "groupId", "value": "acme"}}),
        ),
        about(
            "a placeholder",
            json!({"person": {"type": "userId", "value": "null"}}),
        ),
        about(
            "an email that is none",
            json!({"person": {"type": "email", "value": "ada"}}),
        ),
        about(
            "a value that is too long",
            json!({"person": {"type": "userId", "value": "x".repeat(600)}}),
        ),
        about(
            "NUL in a value",
            json!({"person": {"type": "userId", "value": "a\0b"}}),
        ),
        with(
            "a token of the wrong type",
            json!({
                "purpose": "support.view", "subject": {"person": person}, "identityToken": 5,
            }),
        ),
        with(
            "someone for whom nobody acts",
            json!({
                "purpose": "support.view", "subject": {"person": person}, "onBehalfOf": "sam",
            }),
        ),
    ]
}

async fn a_bad_question_is_told_all_its_mistakes_at_once(store: Store) {
    let app = TestApp::start(store).await;
    let sam = app.as_member("sam");
    let mut told = String::new();
    for (name, body) in bad_questions() {
        let answer = sam.send(Method::POST, "/v1/context", body).await;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert_eq!(answer.problem(), "invalid-request", "{name}: {answer:?}");
        let _ = writeln!(told, "{name}\n{}", fields(&answer));
    }
    insta::assert_snapshot!("bad_questions", told);

    // However many mistakes there are, the answer stays readable.
    let keys: Vec<String> = (0..200_000).map(|n| format!("\"k{n}\":1")).collect();
    let answer = sam
        .send(
            Method::POST,
            "/v1/context",
            format!("{{{}}}", keys.join(",")),
        )
        .await
        .expect(400);
    assert!(answer.text.len() < 20_000, "{} bytes", answer.text.len());
}

fn fields(answer: &Answer) -> String {
    let fields = answer.json["fields"].as_array().unwrap();
    let line = |field: &Value| {
        format!(
            "    {}: {}\n",
            field["field"].as_str().unwrap(),
            field["expected"].as_str().unwrap()
        )
    };
    fields.iter().map(line).collect()
}

async fn what_is_not_there_says_what_is(store: Store) {
    let app = TestApp::start(store).await;
    let sam = app.as_member("sam");
    let mut told = String::new();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/v1/context"),
        (Method::DELETE, "/v1/batch"),
        (Method::POST, "/healthz"),
        (Method::POST, "/v1/contexts"),
        (Method::POST, "/v1/context/per_01h455vb4pex5vsknk084sn02q"),
    ] {
        let answer = sam.send(method.clone(), path, "").await;
        let kind = answer.problem();
        let detail = answer.json["detail"].as_str().unwrap_or_default();
        let _ = writeln!(told, "{method} {path}: {} {kind}: {detail}", answer.status);
    }
    insta::assert_snapshot!("no_such_thing", told);
}

/// Good requests with a few bytes changed, the same in every run.
async fn damaged_requests_break_nothing(store: Store) {
    let app = TestApp::start(store).await;
    let (sam, product) = (app.as_member("sam"), app.source("product"));
    let question = json!({
        "purpose": "support.view",
        "subject": {"person": {"type": "userId", "value": "usr_1"}, "account": {"type": "groupId", "value": "acme"}},
        "identityToken": app.jwt("usr_1"),
    })
    .to_string();
    let decisions = json!({
        "purpose": "support.view", "accounts": ["acc_01h455vb4pex5vsknk084sn02q"], "fields": ["account.plan"],
    })
    .to_string();
    let delivery = json!({"batch": [
        {"type": "identify", "userId": "usr_1", "messageId": "m-1", "traits": {"email": "ada@acme.example", "name": "Ada"}, "context": {"groupId": "acme"}},
        {"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {"plan": "growth", "seats": 12, "privateRevenue": 12.5, "signupAt": "2026-01-31"}},
        {"type": "track", "anonymousId": "a-1", "event": "checkout.failed", "properties": {"amount": "9.90"}, "timestamp": "2026-02-01T10:00:00Z"},
    ]})
    .to_string();
    let random = SeededEntropy::new("damage");
    for round in 0..150 {
        let body = damage(question.as_bytes(), &random);
        let answer = sam.send(Method::POST, "/v1/context", body).await;
        assert!(answer.status < 500, "question {round}: {answer:?}");
        let body = damage(decisions.as_bytes(), &random);
        let answer = sam.send(Method::POST, "/v1/decisions", body).await;
        assert!(answer.status < 500, "decisions {round}: {answer:?}");
        let body = damage(delivery.as_bytes(), &random);
        let answer = product.post("/v1/batch", body).await;
        assert!(
            matches!(answer.status, 200 | 400),
            "delivery {round}: {answer:?}"
        );
    }
    // And the product goes on.
    product.post("/v1/batch", delivery).await.expect(200);
    app.as_member("lea")
        .ask("support.view", account("acme"))
        .await
        .expect(200);
}

fn damage(body: &[u8], random: &SeededEntropy) -> Vec<u8> {
    let number = |below: usize| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap()
    };
    let mut body = body.to_vec();
    for _ in 0..=number(3) {
        let place = number(body.len());
        match number(5) {
            0 => body[place] = u8::try_from(number(256)).unwrap(),
            1 => drop(body.remove(place)),
            2 => body.truncate(place.max(1)),
            3 => body.insert(place, b"\"{}[],:\\0-e\0"[number(12)]),
            _ => {
                let end = (place + number(12)).min(body.len());
                let piece = body[place..end].to_vec();
                body.splice(place..place, piece);
            }
        }
    }
    body
}
