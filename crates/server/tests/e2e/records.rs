//! What sources do with their own records, merges and deletions, are facts like any other: they count in
//! whatever order they come, and only for what that source said.

use kith_testkit::app::client::account;
use kith_testkit::app::facts::{Telling, about};
use kith_testkit::{Answer, Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    what_a_source_merged_is_one,
    what_a_source_deleted_it_no_longer_says_in_any_order,
    a_deletion_stands_in_the_history,
}

async fn look(app: &TestApp, subject: Value) -> Answer {
    app.as_member("lea").ask("support.view", subject).await
}

fn contact(id: &str) -> Value {
    json!({"person": {"type": "email", "value": format!("{id}@acme.example")}})
}

fn of_contact(id: &str) -> Telling {
    let (own, email) = (
        format!("contactId:{id}"),
        format!("email:{id}@acme.example"),
    );
    about(&[&own, &email])
}

async fn what_a_source_merged_is_one(store: Store) {
    let app = TestApp::start(store).await;
    app.tell(
        "crm",
        [
            of_contact("c-1")
                .with(json!({"name": "Ada"}))
                .at("2026-02-01"),
            of_contact("c-2")
                .with(json!({"name": "Ada L."}))
                .at("2026-02-02"),
            about(&["companyId:1"]).with(json!({"name": "Acme"})),
            about(&["companyId:2"]).with(json!({"name": "Acme Example"})),
            about(&["groupId:acme"]).to("account.company", "companyId:2"),
        ],
    )
    .await;
    let before = [
        look(&app, contact("c-1")).await.expect(200),
        look(&app, contact("c-2")).await.expect(200),
    ]
    .map(|answer| answer.json["person"]["id"].clone());
    assert_ne!(before[0], before[1]);

    app.tell(
        "crm",
        [
            about(&["contactId:c-1", "contactId:c-2"]).merged(),
            about(&["companyId:1", "companyId:2"]).merged(),
        ],
    )
    .await;
    for id in ["c-1", "c-2"] {
        let answer = look(&app, contact(id)).await.expect(200);
        assert_eq!(answer.value("person.name"), "Ada L.");
    }
    for id in &before {
        let answer = look(&app, json!({"person": {"id": id}})).await.expect(200);
        assert_eq!(answer.json["person"]["id"], before[0]);
    }
    let companies = app.home().column("SELECT count(*) FROM company").await;
    assert_eq!(companies, ["1"]);
}

async fn what_a_source_deleted_it_no_longer_says_in_any_order(store: Store) {
    let app = TestApp::start(store).await;
    let facts = |n: usize| {
        let (contact, group) = (format!("c-{n}"), format!("groupId:g-{n}"));
        let deleted = format!("contactId:{contact}");
        let acme = about(&[&group]);
        vec![
            (
                "crm",
                of_contact(&contact)
                    .with(json!({"name": "Ada"}))
                    .at("2026-02-01"),
            ),
            ("crm", about(&[&deleted]).deleted().at("2026-02-02")),
            (
                "crm",
                acme.clone()
                    .with(json!({"name": "Acme"}))
                    .to("account.site", "siteKey:berlin")
                    .at("2026-02-01"),
            ),
            (
                "product",
                acme.clone().with(json!({"region": "eu"})).at("2026-02-01"),
            ),
            ("crm", acme.deleted().at("2026-02-03")),
        ]
    };
    // Every fact first once, and the rest behind it in either direction.
    for case in 0..10 {
        let mut told = facts(case);
        told.rotate_left(case % 5);
        if case >= 5 {
            told.reverse();
        }
        for (source, fact) in told {
            app.tell(source, [fact]).await;
        }
        let person = look(&app, contact(&format!("c-{case}"))).await.expect(200);
        assert_eq!(person.value("person.name"), &Value::Null, "case {case}");
        let account = look(&app, account(&format!("g-{case}"))).await.expect(200);
        assert_eq!(account.value("account.name"), &Value::Null, "case {case}");
        assert_eq!(account.value("account.region"), "eu", "case {case}");
    }
    let sites = "SELECT count(*) FROM relation WHERE to_id IS NOT NULL";
    assert_eq!(app.home().column(sites).await, ["0"]);

    // A record that is there again says something again.
    let again = of_contact("c-0")
        .with(json!({"name": "Ada again"}))
        .at("2026-02-04");
    app.tell("crm", [again]).await;
    let person = look(&app, contact("c-0")).await.expect(200);
    assert_eq!(person.value("person.name"), "Ada again");
}

async fn a_deletion_stands_in_the_history(store: Store) {
    let app = TestApp::start(store).await;
    let acme = about(&["groupId:acme"]);
    app.tell(
        "product",
        [
            acme.clone()
                .with(json!({"name": "Acme", "region": "eu"}))
                .at("2026-02-01"),
            acme.deleted().at("2026-02-03"),
        ],
    )
    .await;
    let lea = app.as_member("lea");
    let now = look(&app, account("acme")).await.expect(200);
    let id = now.json["account"]["id"].as_str().unwrap().to_owned();
    let then = lea
        .get(&format!(
            "/v1/accounts/{id}?purpose=support.view&asOf=2026-02-02T00:00:00Z"
        ))
        .await
        .expect(200);
    assert_eq!(then.value("account.name"), "Acme");
    let journey = lea
        .get(&format!("/v1/accounts/{id}/journey?purpose=support.view"))
        .await
        .expect(200);
    let items = journey.json["items"].as_array().unwrap();
    let names = items.iter().filter(|item| item["field"] == "account.name");
    let changes: Vec<_> = names
        .map(|item| (item["at"].clone(), item["after"].clone()))
        .collect();
    let at = |day: &str| json!(format!("2026-02-{day}T00:00:00Z"));
    assert_eq!(
        changes,
        [(at("03"), json!(null)), (at("01"), json!("Acme"))]
    );
}
