//! The page of one account: what it shows is what its reader may see, and its key comes back in nothing.

use kith_testkit::app::client::account;
use kith_testkit::{Answer, Client, Store, TestApp};
use serde_json::json;

crate::promises! {
    each_reader_sees_their_own_view,
    looking_as_a_role_shows_what_both_may_see,
    a_ticket_asks_again_for_an_hour_and_never_shows_the_key,
    only_forms_of_this_server_are_taken,
    what_is_not_there_and_what_is_not_in_view_look_the_same,
    without_an_audit_entry_there_is_no_page,
}

/// What only some may see.
const PRIVATE: &str = "7345.50";
const NOTES: &str = "prefers calls on Tuesdays";

async fn told(store: Store) -> (TestApp, String, String) {
    let app = TestApp::start(store).await;
    let messages = [
        json!({"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {
            "name": "Acme <b>Example</b>", "plan": "growth", "region": "eu",
            "privateRevenue": PRIVATE, "enterpriseNotes": NOTES}}),
        json!({"type": "identify", "userId": "usr_1", "traits": {"name": "Ada Example"},
               "context": {"groupId": "acme"}}),
        json!({"type": "group", "userId": "usr_2", "groupId": "far", "traits": {"region": "us"}}),
    ];
    app.source("segment").deliver(messages).await;
    let lea = app.as_member("lea");
    let id = async |of: &str| {
        let told = lea.ask("support.view", account(of)).await.expect(200);
        told.json["account"]["id"].as_str().unwrap().to_owned()
    };
    let (acme, far) = (id("acme").await, id("far").await);
    (app, acme, far)
}

/// Sends the page's form, as a browser does.
pub(crate) async fn look(client: &Client, id: &str, inputs: &[(&str, &str)]) -> Answer {
    let form = reqwest::Url::parse_with_params("http://form/", inputs).unwrap();
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    let body = form.query().unwrap_or_default().to_owned();
    let path = format!("/accounts/{id}");
    client
        .send_with(reqwest::Method::POST, &path, &headers, body)
        .await
}

/// The sealed key in a page.
pub(crate) fn ticket(page: &Answer) -> Option<&str> {
    let (_, rest) = page.text.split_once("name=\"ticket\" value=\"")?;
    Some(rest.split_once('"')?.0)
}

fn shows(page: &Answer, words: &str) -> bool {
    page.text.contains(words)
}

/// What was done, by the audit log.
async fn entries(app: &TestApp) -> Vec<String> {
    let cells = app.home().cells().await.into_iter();
    cells
        .filter(|cell| (&*cell.table, &*cell.column) == ("audit", "action"))
        .map(|cell| String::from_utf8_lossy(&cell.bytes).into_owned())
        .collect()
}

async fn each_reader_sees_their_own_view(store: Store) {
    let (app, acme, _) = told(store).await;
    let browser = app.anonymous();
    let form = browser.get(&format!("/accounts/{acme}")).await.expect(200);
    let other = browser.get("/accounts/acc_none?person=x").await.expect(200);
    assert_eq!(form.text, other.text, "the form is the same for everyone");
    for (name, private) in [("sam", false), ("lea", true)] {
        let key = app.as_member(name).key().to_owned();
        let before = entries(&app).await.len();
        let page = look(&browser, &acme, &[("key", &key)]).await.expect(200);
        let after = entries(&app).await;
        assert_eq!(
            after.len(),
            before + 4,
            "every question is audited: {after:?}"
        );
        assert_eq!(page.header("cache-control"), "no-store");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"));
        assert!(!policy.contains("script") && !shows(&page, "<script"));
        assert!(shows(&page, "Acme &lt;b&gt;Example&lt;/b&gt;"));
        assert!(shows(&page, "Ada Example"), "its people");
        assert_eq!(shows(&page, PRIVATE), private, "{name}");
        assert_eq!(shows(&page, "Private revenue hidden"), !private, "{name}");
        assert!(!shows(&page, &key), "the key is in the page");
    }
    let ned = app.as_member("ned").key().to_owned();
    let page = look(&browser, &acme, &[("key", &ned)]).await.expect(403);
    assert!(shows(&page, "support.view is refused") && !shows(&page, "Acme"));
    for key in ["kith_member_wrong", ""] {
        let page = look(&browser, &acme, &[("key", key)]).await.expect(401);
        assert!(shows(&page, "No valid credential"));
    }
}

async fn looking_as_a_role_shows_what_both_may_see(store: Store) {
    let (app, acme, far) = told(store).await;
    let browser = app.anonymous();
    let key = |name: &str| app.as_member(name).key().to_owned();
    for (viewer, role, account, status, private) in [
        ("lea", "", &acme, 200, true),
        ("lea", "support", &acme, 200, false),
        ("lea", "leadership", &acme, 200, true),
        // Nothing wider than what the viewer may see.
        ("sam", "leadership", &acme, 200, false),
        ("ned", "leadership", &acme, 403, false),
        ("sam", "leadership", &far, 404, false),
        ("lea", "nobody", &acme, 403, false),
        ("lea", "", &far, 200, false),
    ] {
        let inputs = [("key", &*key(viewer)), ("viewAs", role)];
        let page = look(&browser, account, &inputs).await;
        let place = format!("{viewer} as {role}: {page:?}");
        assert_eq!(page.status, status, "{place}");
        assert_eq!(shows(&page, PRIVATE), private, "{place}");
    }
    let inputs = [
        ("key", &*key("sam")),
        ("viewAs", "support"),
        ("purpose", "ai.draft"),
    ];
    let page = look(&browser, &acme, &inputs).await.expect(400);
    assert!(shows(&page, "meets two sides already"));
    let agent = app.as_agent("drafter").key().to_owned();
    let inputs = [("key", &*agent), ("viewAs", "support")];
    let page = look(&browser, &acme, &inputs).await.expect(400);
    assert!(shows(&page, "only a member looks as another"));
}

async fn a_ticket_asks_again_for_an_hour_and_never_shows_the_key(store: Store) {
    let (app, acme, _) = told(store).await;
    let browser = app.anonymous();
    let key = app.as_member("lea").key().to_owned();
    let first = look(&browser, &acme, &[("key", &key)]).await.expect(200);
    let sealed = ticket(&first).unwrap().to_owned();
    assert!(!sealed.contains(&key[key.len() - 20..]));
    let again = async |sealed: &str, status: u16| {
        let inputs = [("ticket", sealed), ("purpose", "support.view")];
        look(&browser, &acme, &inputs).await.expect(status)
    };
    assert!(shows(&again(&sealed, 200).await, PRIVATE));
    let mut forged = sealed.clone().into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    again(std::str::from_utf8(&forged).unwrap(), 401).await;
    app.clock.advance_seconds(59 * 60);
    let late = again(&sealed, 200).await;
    app.clock.advance_seconds(2 * 60);
    again(&sealed, 401).await;
    // A page that was seen in time goes on, as long as the key is good.
    let fresh = ticket(&late).unwrap().to_owned();
    again(&fresh, 200).await;
    let by = kith_engine::AuditActor::operator();
    let id = app.key_id("lea");
    app.engine().revoke_key(app.id(), by, id).await.unwrap();
    again(&fresh, 401).await;
}

async fn only_forms_of_this_server_are_taken(store: Store) {
    let (app, acme, _) = told(store).await;
    let key = app.as_member("lea").key().to_owned();
    let before = entries(&app).await;
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://elsewhere.example")],
        &[],
    ] {
        let path = format!("/accounts/{acme}");
        let body = format!("key={key}");
        let browser = app.anonymous();
        let page = browser
            .send_with(reqwest::Method::POST, &path, headers, body)
            .await
            .expect(403);
        assert!(!shows(&page, PRIVATE) && !shows(&page, "Acme"));
    }
    assert_eq!(entries(&app).await, before, "nothing was asked");
}

async fn what_is_not_there_and_what_is_not_in_view_look_the_same(store: Store) {
    let (app, acme, far) = told(store).await;
    let browser = app.anonymous();
    let sam = app.as_member("sam").key().to_owned();
    let never = "acc_01jd0000000000000000000000";
    let mut seen = Vec::new();
    for id in [&far, never] {
        let page = look(&browser, id, &[("key", &sam)]).await.expect(404);
        let ticket = ticket(&page).unwrap().to_owned();
        let (_, rest) = page.text.split_once("Audit entry <code>").unwrap();
        let audit = rest.split_once('<').unwrap().0.to_owned();
        seen.push(page.text.replace(&ticket, "").replace(&audit, ""));
    }
    assert_eq!(seen[0], seen[1]);
    // A person of another account is not there either.
    let person = [("key", &*sam), ("person", "per_01jd0000000000000000000000")];
    look(&browser, &acme, &person).await.expect(404);
    look(&browser, "nonsense", &[("key", &sam)])
        .await
        .expect(400);
}

async fn without_an_audit_entry_there_is_no_page(store: Store) {
    let (app, acme, _) = told(store).await;
    let key = app.as_member("lea").key().to_owned();
    app.home().break_audit().await;
    let page = look(&app.anonymous(), &acme, &[("key", &key)]).await;
    assert_eq!(page.status, 503);
    assert!(!shows(&page, "Acme") && !shows(&page, PRIVATE));
}
