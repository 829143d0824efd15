//! An account as it was: the values of then, for those who may see them now.

use kith_testkit::{Answer, Store};
use serde_json::{Value, json};

use crate::journey::{NEVER, account_id, as_of, at, customer, group, start};

crate::promises! { an_account_of_then_is_governed_as_now }

async fn an_account_of_then_is_governed_as_now(store: Store) {
    let app = start(store).await;
    customer(&app, "eu").await;
    let id = account_id(&app).await;
    for member in ["sam", "lea", "kim"] {
        let client = app.as_member(member);
        let now = client
            .get(&format!("/v1/accounts/{id}?purpose=support.view"))
            .await
            .expect(200);
        assert!(now.json.get("asOf").is_none());
        let states = |answer: &Answer| -> Vec<(String, String)> {
            let fields = answer.json["account"].as_object().unwrap();
            let fields = fields.keys().filter(|key| *key != "id");
            fields
                .map(|key| (key.clone(), answer.state(&format!("account.{key}"))))
                .collect()
        };
        for day in 1..=20 {
            let then = as_of(&client, &id, &at(day)).await.expect(200);
            assert_eq!(states(&then), states(&now), "{member} {day}");
            assert_eq!(
                then.json["withheld"], now.json["withheld"],
                "{member} {day}"
            );
            assert_eq!(then.json["asOf"], json!(at(day)));
        }
        let latest = as_of(&client, &id, &at(20)).await.expect(200);
        for (key, field) in now.json["account"].as_object().unwrap() {
            let then = &latest.json["account"][key];
            assert_eq!(then["value"], field["value"], "{member} {key}");
            assert_eq!(then["observedAt"], field["observedAt"], "{member} {key}");
        }
    }
    let sam = app.as_member("sam");
    let then = as_of(&sam, &id, &at(4)).await.expect(200);
    assert_eq!(then.value("account.plan"), "trial");
    let plan = then.field("account.plan");
    assert_eq!(
        (&plan["source"], &plan["observedAt"]),
        (&json!("billing"), &json!(at(2)))
    );
    assert_eq!(
        plan["ageSeconds"],
        2 * 24 * 60 * 60,
        "as old as it was then"
    );
    assert_eq!(then.value("account.seats"), &Value::Null);
    // What was restricted all along is not opened by asking for the past.
    assert!(
        then.field("account.privateRevenue").is_null() && then.field("account.taxId").is_null()
    );
    assert_eq!(
        as_of(&sam, &id, "2020-01-01")
            .await
            .expect(200)
            .value("account.plan"),
        &Value::Null
    );

    // The tag stands for what is shown: hidden values do not turn it, the time that is asked of does.
    let tag = |answer: &Answer| answer.header("etag").to_owned();
    let held = tag(&then);
    app.clock.advance_seconds(60);
    app.source("billing")
        .deliver([group(3, json!({"taxId": "DE3", "privateRevenue": 7}))])
        .await;
    let again = as_of(&sam, &id, &at(4)).await.expect(200);
    assert_eq!(tag(&again), held);
    let path = format!("/v1/accounts/{id}?purpose=support.view&asOf={}", at(4));
    let headers = [("if-none-match", held.as_str())];
    sam.send_with(reqwest::Method::GET, &path, &headers, "")
        .await
        .expect(304);
    assert_ne!(tag(&as_of(&sam, &id, &at(5)).await), held);
    app.source("billing")
        .deliver([group(3, json!({"plan": "enterprise"}))])
        .await;
    assert_ne!(
        tag(&as_of(&sam, &id, &at(4)).await),
        held,
        "what is learnt late is of then"
    );

    let tomorrow = as_of(&sam, &id, "2026-03-03T09:00:00Z").await.expect(400);
    assert_eq!(tomorrow.json["fields"][0]["field"], "asOf");
    assert_eq!(as_of(&sam, NEVER, "2026-03-03T09:00:00Z").await.status, 400);
}
