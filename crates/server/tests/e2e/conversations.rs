//! Conversations: what was written in them, who may see it, and where they stand on a journey.

use kith_domain::fact::{Author, MAX_MESSAGE_BYTES};
use kith_engine::{AuditActor, AuditQuery};
use kith_testkit::app::client::{account, person};
use kith_testkit::app::facts::{Telling, about};
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use serde_json::{Value, json};

use crate::account::cost;

crate::promises! {
    what_was_written_is_told_to_those_who_may_read_it,
    pages_of_a_conversation_are_full_and_their_cursors_are_their_own,
    a_conversation_goes_with_its_account_and_its_person,
    a_conversation_out_of_view_is_as_if_it_never_was,
    what_does_not_fit_a_message_waits_in_quarantine,
    conversations_stand_on_the_journeys_of_account_and_person,
    a_read_conversation_is_audited,
    what_cannot_be_a_conversation_is_told,
}

const NEVER: &str = "con_01h455vb4pex5vsknk084sn02q";

const FIELDS: &str = r#"
[status]
type = "enum"
values = ["open", "closed"]
owner = "support"
description = "Where the conversation stands."
sensitivity = "internal"
safe_for = ["support", "ai"]

[assignee]
type = "string"
owner = "support"
description = "Who answers it."
sensitivity = "internal"
safe_for = ["support"]

[csat]
type = "int"
owner = "support"
description = "How content the end user was."
sensitivity = "internal"
safe_for = ["support"]

[escalation]
type = "string"
owner = "legal"
description = "What nobody may know."
sensitivity = "restricted"
safe_for = ["support"]
accept = { hidden-from-everyone = "tests hold that nobody sees it" }
"#;

const EVENTS: &str = r#"
["conversation.message"]
owner = "support"
description = "Somebody wrote something in a conversation."
sensitivity = "internal"
safe_for = ["support", "ai"]

["conversation.message".properties.body]
type = "string"
owner = "support"
description = "What was written."
sensitivity = "confidential"
safe_for = ["support"]

["conversation.message".properties.authorName]
type = "string"
owner = "support"
description = "Who wrote it."
sensitivity = "internal"
safe_for = ["support", "ai"]
mask = "initials"

["conversation.note"]
owner = "support"
description = "The team noted something."
sensitivity = "restricted"
safe_for = ["support"]

["conversation.note".properties.body]
type = "string"
owner = "support"
description = "What was noted."
sensitivity = "restricted"
safe_for = ["support"]
"#;

const POLICIES: &str = r#"
show event.conversation.note, event.conversation.note.body
when user.role == "leadership"

mask event.conversation.message.authorName with initials
when user.role == "support"

hide event.conversation.message.body
when conversation.assignee == "legal"
"#;

/// The standard definitions with conversations.
pub(crate) fn folder() -> Folder {
    let events = Folder::standard()
        .into_files()
        .into_iter()
        .find(|file| file.path == "events.toml");
    let events = format!("{}{EVENTS}", events.unwrap().text);
    Folder::standard()
        .with("events.toml", &events)
        .with("fields/conversation.toml", FIELDS)
        .with("policies/conversations.kith", POLICIES)
}

fn said(author: Author, body: &str, at: &str) -> Telling {
    let names: &[&str] = match author {
        Author::Person => &["conversationId:c-1", "userId:usr_1"],
        _ => &["conversationId:c-1"],
    };
    let name = match author {
        Author::Person => "Ada Lovelace",
        _ => "Sam Support",
    };
    about(names)
        .written(author, false)
        .with(json!({"body": body, "authorName": name}))
        .at(at)
}

fn noted(body: &str, at: &str) -> Telling {
    about(&["conversationId:c-1"])
        .written(Author::Member, true)
        .with(json!({"body": body}))
        .at(at)
}

fn state(traits: Value, at: &str) -> Telling {
    about(&["conversationId:c-1"]).with(traits).at(at)
}

/// `acme` with `usr_1`, and a conversation of theirs.
async fn thread(app: &TestApp, region: &str) {
    app.source("product")
        .deliver([
            json!({"type": "group", "groupId": "acme", "traits": {"region": region}}),
            json!({"type": "identify", "userId": "usr_1", "context": {"groupId": "acme"}, "traits": {"name": "Ada"}}),
        ])
        .await;
    let opened = state(
        json!({"status": "open", "escalation": "NOBODY-OLD"}),
        "2026-02-03T10:00:00Z",
    );
    let facts = [
        said(Author::Person, "It says declined.", "2026-02-03T10:00:00Z"),
        said(
            Author::Member,
            "Let me look.\nOne moment!",
            "2026-02-03T10:05:00Z",
        ),
        noted("They are on the old price.", "2026-02-03T10:06:00Z"),
        opened
            .to("conversation.account", "groupId:acme")
            .to("conversation.person", "userId:usr_1"),
        state(
            json!({"status": "closed", "csat": 5, "escalation": "NOBODY"}),
            "2026-02-04T10:00:00Z",
        ),
        state(json!({"assignee": "sam"}), "2026-02-03T11:00:00Z"),
    ];
    assert_eq!(app.tell("crm", facts).await, 0);
}

async fn start(store: Store) -> TestApp {
    TestApp::with_definitions(store, folder()).await
}

/// The conversation, as the account's journey names it.
async fn conversation_id(app: &TestApp) -> String {
    let lea = app.as_member("lea");
    let seen = journey(&lea, &account_id(app).await, "").await;
    seen[0]["id"].as_str().unwrap().to_owned()
}

async fn account_id(app: &TestApp) -> String {
    let lea = app.as_member("lea");
    let seen = lea.ask("support.view", account("acme")).await.expect(200);
    seen.json["account"]["id"].as_str().unwrap().to_owned()
}

async fn journey(client: &Client, of: &str, more: &str) -> Vec<Value> {
    let root = if of.starts_with("acc_") {
        "accounts"
    } else {
        "people"
    };
    let path = format!("/v1/{root}/{of}/journey?purpose=support.view&kinds=conversation{more}");
    let answer = client.get(&path).await.expect(200);
    answer.json["items"].as_array().unwrap().clone()
}

async fn read(client: &Client, id: &str, more: &str) -> Answer {
    let path = format!("/v1/conversations/{id}?purpose=support.view{more}");
    client.get(&path).await
}

/// `message person It says declined.`
fn told(answer: &Answer) -> Vec<String> {
    let messages = answer.json["messages"].as_array().unwrap().iter();
    let told = messages.map(|message| {
        format!(
            "{} {} {}",
            message["kind"].as_str().unwrap(),
            message["author"]["kind"].as_str().unwrap(),
            message["properties"]["body"]["value"]
                .as_str()
                .unwrap_or_default()
        )
    });
    told.collect()
}

async fn what_was_written_is_told_to_those_who_may_read_it(store: Store) {
    let app = start(store).await;
    thread(&app, "eu").await;
    let id = conversation_id(&app).await;
    let of_sam = read(&app.as_member("sam"), &id, "").await.expect(200);
    assert_eq!(
        told(&of_sam),
        [
            "message member Let me look.\nOne moment!",
            "message person It says declined.",
        ]
    );
    assert_eq!(of_sam.value("conversation.status"), "closed");
    assert_eq!(of_sam.value("conversation.csat"), 5);
    assert_eq!(of_sam.json["account"]["id"], account_id(&app).await);
    let first = &of_sam.json["messages"][1];
    assert_eq!(first["author"]["person"], of_sam.json["person"]["id"]);
    assert_eq!(first["properties"]["authorName"]["value"], "A. L.");
    for hidden in [
        "conversation.escalation",
        "event.conversation.note",
        "event.conversation.note.body",
    ] {
        assert!(of_sam.withheld().any(|field| field == hidden), "{of_sam:?}");
    }
    assert!(!of_sam.withheld().any(|field| field.contains("checkout")));
    assert!(!of_sam.text.contains("NOBODY") && !of_sam.text.contains("old price"));

    let of_lea = read(&app.as_member("lea"), &id, "").await.expect(200);
    assert_eq!(told(&of_lea)[0], "note member They are on the old price.");
    assert_eq!(
        of_lea.json["messages"][2]["properties"]["authorName"]["value"],
        "Ada Lovelace"
    );
    // Policies read the conversation's own row.
    app.tell("crm", [state(json!({"assignee": "legal"}), "2026-02-05")])
        .await;
    let of_sam = read(&app.as_member("sam"), &id, "").await.expect(200);
    assert_eq!(told(&of_sam), ["message member ", "message person "]);
    assert!(!of_sam.text.contains("declined"));
    // And so does an agent that drafts: bodies are not safe for it.
    app.publish(folder().with("policies/drafts.kith", "allow ai.draft\n"))
        .await;
    let path = format!("/v1/conversations/{id}?purpose=ai.draft&onBehalfOf=lea");
    let drafting = app.as_agent("drafter").get(&path).await.expect(200);
    assert_eq!(told(&drafting), ["message member ", "message person "]);
    app.as_member("ned")
        .get(&format!("/v1/conversations/{id}?purpose=report.view"))
        .await
        .expect(403);
}

async fn pages_of_a_conversation_are_full_and_their_cursors_are_their_own(store: Store) {
    let app = start(store).await;
    thread(&app, "eu").await;
    // Many notes of one moment between a few messages.
    let many = (0..300).map(|number| {
        if number % 60 == 0 {
            said(
                Author::System,
                &format!("number {number}"),
                "2026-02-03T12:00:00Z",
            )
        } else {
            noted("-", "2026-02-03T12:00:00Z")
        }
    });
    app.tell("crm", many).await;
    let (id, sam) = (conversation_id(&app).await, app.as_member("sam"));
    let straight = read(&sam, &id, "&limit=200").await.expect(200);
    let all = straight.json["messages"].as_array().unwrap().clone();
    assert_eq!(all.len(), 7);
    assert!(straight.json.get("nextCursor").is_none());
    for limit in [1, 2, 3, 6, 7] {
        let (mut cursor, mut paged) = (String::new(), Vec::new());
        loop {
            let page = read(&sam, &id, &format!("&limit={limit}{cursor}")).await;
            let page = page.expect(200);
            paged.extend(page.json["messages"].as_array().unwrap().clone());
            let Some(next) = page.json["nextCursor"].as_str() else {
                break;
            };
            assert_eq!(page.json["messages"].as_array().unwrap().len(), limit);
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, all, "{limit}");
    }
    let first = read(&sam, &id, "&limit=2").await.expect(200);
    let cursor = first.json["nextCursor"].as_str().unwrap();
    let mut answers = Vec::new();
    for (client, id) in [(app.as_member("lea"), &*id), (sam.clone(), NEVER)] {
        answers.push(read(&client, id, &format!("&cursor={cursor}")).await);
    }
    answers.push(read(&sam, &id, &format!("&cursor={}", cursor.replace('A', "B"))).await);
    app.publish(folder().with("policies/more.kith", "allow report.view\n"))
        .await;
    answers.push(read(&sam, &id, &format!("&cursor={cursor}")).await);
    for answer in answers {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.json["fields"][0]["field"], "cursor");
    }
}

async fn a_conversation_goes_with_its_account_and_its_person(store: Store) {
    let app = start(store).await;
    thread(&app, "us").await;
    let id = conversation_id(&app).await;
    let sam = app.as_member("sam");
    read(&sam, &id, "").await.expect(404);
    // It moves to an account in view.
    app.source("product")
        .deliver([json!({"type": "group", "groupId": "near", "traits": {"region": "eu"}})])
        .await;
    let moved = state(json!({}), "2026-02-05").to("conversation.account", "groupId:near");
    app.tell("crm", [moved]).await;
    let seen = read(&sam, &id, "").await.expect(200);
    // Whose person is out of view all the same.
    assert!(seen.json.get("person").is_none(), "{seen:?}");
    assert!(
        seen.json["messages"][1]["author"].get("person").is_none(),
        "{seen:?}"
    );
    // Without an account it goes with its person, and without both it stands alone.
    let ended = state(json!({}), "2026-02-06").ending("conversation.account");
    app.tell("crm", [ended]).await;
    read(&sam, &id, "").await.expect(404);
    read(&app.as_member("lea"), &id, "").await.expect(200);
    let ended = state(json!({}), "2026-02-06").ending("conversation.person");
    app.tell("crm", [ended]).await;
    read(&sam, &id, "").await.expect(200);
    let only_open = "limit conversation to conversation.status == \"open\"\n";
    app.publish(folder().with("policies/open.kith", only_open))
        .await;
    read(&sam, &id, "").await.expect(404);
}

async fn a_conversation_out_of_view_is_as_if_it_never_was(store: Store) {
    logs::capture();
    let app = start(store).await;
    thread(&app, "us").await;
    let id = conversation_id(&app).await;
    let sam = app.as_member("sam");
    let mut told = Vec::new();
    for id in [NEVER, &id] {
        let answer = read(&sam, id, "").await;
        assert_eq!((answer.status, answer.problem()), (404, "not-found"));
        told.push((answer.text_without_audit_id(), cost(&answer)));
        // A cursor that is none is told before anything is looked for.
        read(&sam, id, "&cursor=x").await.expect(400);
    }
    assert_eq!(told[0], told[1]);
    let other = app.workspace("other", folder()).await;
    read(&other.as_member("lea"), &id, "").await.expect(404);
}

async fn what_does_not_fit_a_message_waits_in_quarantine(store: Store) {
    let app = start(store).await;
    thread(&app, "eu").await;
    let id = conversation_id(&app).await;
    let at = "2026-02-04";
    let longest = "x".repeat(MAX_MESSAGE_BYTES);
    let too_long = format!("{longest}y");
    for (source, telling, code) in [
        ("crm", said(Author::Person, &longest, at), ""),
        (
            "crm",
            said(Author::Person, &too_long, at),
            "message-too-long",
        ),
        (
            "crm",
            noted("kept", at).with(json!({"body": "kept", "mood": "grim"})),
            "unknown-property",
        ),
        (
            "crm",
            noted("kept", at).with(json!({"body": 5})),
            "wrong-type",
        ),
        (
            "crm",
            about(&["userId:usr_1"]).written(Author::Person, false),
            "no-conversation",
        ),
        (
            "web",
            said(Author::Person, "forged", at),
            "subject-from-public-key\nno-conversation",
        ),
    ] {
        let quarantined = app.tell(source, [telling]).await;
        assert_eq!(quarantined, usize::from(!code.is_empty()), "{code}");
        let codes = app
            .home()
            .column("SELECT code FROM quarantine ORDER BY id")
            .await;
        if !code.is_empty() {
            assert!(codes.iter().any(|of| of == code), "{code}: {codes:?}");
        }
    }
    let event = json!({"type": "track", "userId": "usr_1", "event": "conversation.message", "properties": {"body": "forged"}});
    app.source("product").deliver([event]).await;
    let codes = app.home().column("SELECT code FROM quarantine").await;
    assert!(
        codes.iter().any(|code| code == "message-as-event"),
        "{codes:?}"
    );

    let seen = read(&app.as_member("lea"), &id, "").await.expect(200);
    let bodies: Vec<_> = told(&seen)
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.len())
        .collect();
    // What fits is kept, and half a message is none.
    assert_eq!(bodies.len(), 6);
    assert!(bodies.contains(&("person ".len() + MAX_MESSAGE_BYTES)));
    assert!(!seen.text.contains("forged") && !seen.text.contains("xy"));
    // What the catalog does not have, nobody wrote.
    app.publish(Folder::standard()).await;
    assert_eq!(app.tell("crm", [said(Author::Person, "x", at)]).await, 1);
    let seen = read(&app.as_member("lea"), &id, "").await.expect(200);
    assert_eq!(told(&seen), Vec::<String>::new());
    // Each is told in the change feed.
    let operations = app.home().column("SELECT operation FROM feed").await;
    assert!(operations.iter().filter(|of| *of == "message").count() >= 2);
}

/// `opened 2 -`, `changed conversation.status "open" -> "closed"`.
fn news(items: &[Value]) -> Vec<String> {
    let told = items.iter().map(|item| {
        assert_eq!(item["kind"], "conversation");
        match item["news"].as_str().unwrap() {
            "opened" => format!("opened {} {}", item["messages"], item["notes"]),
            _ => format!(
                "{} {} -> {}",
                item["field"].as_str().unwrap(),
                item["before"],
                item["after"]
            ),
        }
    });
    told.collect()
}

async fn conversations_stand_on_the_journeys_of_account_and_person(store: Store) {
    let app = start(store).await;
    thread(&app, "eu").await;
    let sam = app.as_member("sam");
    let acme = account_id(&app).await;
    let ada = sam.ask("support.view", person("usr_1")).await.expect(200);
    let ada = ada.json["person"]["id"].as_str().unwrap().to_owned();
    let expected = [
        "conversation.status \"open\" -> \"closed\"",
        "conversation.csat null -> 5",
        "conversation.assignee null -> \"sam\"",
        "conversation.status null -> \"open\"",
        "opened 2 null",
    ];
    for of in [&acme, &ada] {
        let seen = journey(&sam, of, "").await;
        assert_eq!(news(&seen), expected);
        assert_eq!(seen[4]["fields"]["status"]["value"], "closed");
        assert!(seen.iter().all(|item| !item.to_string().contains("NOBODY")));
    }
    let of_lea = journey(&app.as_member("lea"), &acme, "").await;
    assert_eq!(news(&of_lea)[4], "opened 2 1");
    // On one line with everything else, cut at any place.
    let path = format!("/v1/accounts/{acme}/journey?purpose=support.view");
    let straight = sam.get(&path).await.expect(200);
    let all = straight.json["items"].as_array().unwrap().clone();
    assert!(all.len() > expected.len());
    for limit in 1..4 {
        let (mut cursor, mut paged) = (String::new(), Vec::new());
        loop {
            let page = sam.get(&format!("{path}&limit={limit}{cursor}")).await;
            let page = page.expect(200);
            paged.extend(page.json["items"].as_array().unwrap().clone());
            match page.json["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, all, "{limit}");
    }
    // The last change of each field is what the conversation shows.
    let id = conversation_id(&app).await;
    let now = read(&sam, &id, "").await.expect(200);
    for change in journey(&sam, &acme, "").await.iter().rev() {
        if let (Some(field), "02-04") = (
            change["field"].as_str(),
            &change["at"].as_str().unwrap()[5..10],
        ) {
            assert_eq!(now.value(field), &change["after"]);
        }
    }
    // Of what is out of view nothing is told: by its own row, or where everything of it is hidden.
    for policies in [
        "limit conversation to conversation.status == \"open\"\n",
        "hide conversation.*, event.conversation.message\n",
    ] {
        app.publish(folder().with("policies/more.kith", policies))
            .await;
        assert_eq!(
            news(&journey(&sam, &acme, "").await),
            Vec::<String>::new(),
            "{policies}"
        );
    }
    // A conversation that moved to an account out of view left the line of its person too.
    app.publish(folder()).await;
    app.source("product")
        .deliver([json!({"type": "group", "groupId": "far", "traits": {"region": "us"}})])
        .await;
    let moved = state(json!({}), "2026-02-05").to("conversation.account", "groupId:far");
    app.tell("crm", [moved]).await;
    for of in [&acme, &ada] {
        assert_eq!(news(&journey(&sam, of, "").await), Vec::<String>::new());
    }
    assert_eq!(
        news(&journey(&app.as_member("lea"), &ada, "").await).len(),
        5
    );
}

async fn a_read_conversation_is_audited(store: Store) {
    let app = start(store).await;
    thread(&app, "eu").await;
    let (id, sam) = (conversation_id(&app).await, app.as_member("sam"));
    let seen = read(&sam, &id, "").await.expect(200);
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let by = AuditActor::operator();
    let entries = app.engine().audit_search(app.id(), by, query).await;
    let entries = entries.unwrap();
    let of = entries
        .iter()
        .find(|entry| entry.id.to_string() == seen.audit_id());
    let of = of.unwrap();
    assert_eq!(of.action, "conversations.read");
    assert_eq!(of.account.unwrap().to_string(), account_id(&app).await);
    assert_eq!(
        of.person.unwrap().to_string(),
        seen.json["person"]["id"].as_str().unwrap()
    );
    for field in [
        "conversation.status",
        "event.conversation.message",
        "event.conversation.message.body",
        "event.conversation.message.authorName:initials",
    ] {
        assert!(
            of.fields.iter().any(|name| name == field),
            "{field}: {:?}",
            of.fields
        );
    }
    app.home().break_audit().await;
    read(&sam, &id, "").await.expect(503);
}

async fn what_cannot_be_a_conversation_is_told(store: Store) {
    let app = start(store).await;
    let sam = app.as_member("sam");
    for (path, field, expected) in [
        (
            "acc_01h455vb4pex5vsknk084sn02q?purpose=support.view",
            "id",
            "con_",
        ),
        ("%ff?purpose=support.view", "id", "con_"),
        ("con_01h455vb4pex5vsknk084sn02q", "purpose", "required"),
        (
            "con_01h455vb4pex5vsknk084sn02q?purpose=support.view&limit=0",
            "limit",
            "from 1 to 200",
        ),
        (
            "con_01h455vb4pex5vsknk084sn02q?purpose=support.view&kinds=note",
            "kinds",
            "unknown",
        ),
    ] {
        let answer = sam.get(&format!("/v1/conversations/{path}")).await;
        let fault = &answer.expect(400).json["fields"][0];
        assert_eq!(fault["field"], field, "{fault}");
        assert!(
            fault["expected"].as_str().unwrap().contains(expected),
            "{fault}"
        );
    }
    let path = format!("/v1/conversations/{NEVER}?purpose=support.view");
    app.anonymous().get(&path).await.expect(401);
}
