//! Facts in any order give the same people, and a forged fact gives its forger nothing.

use kith_testkit::app::client::{account, person, person_in};
use kith_testkit::{Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    what_a_source_says_is_what_a_member_sees,
}

async fn what_a_source_says_is_what_a_member_sees(store: Store) {
    let app = TestApp::start(store).await;
    let product = app.source("product");
    product
        .deliver([
            json!({"type": "group", "groupId": "acme", "traits": {"name": "Acme", "plan": "trial", "region": "eu"}}),
            json!({"type": "identify", "userId": "usr_1", "traits": {"email": "ada@acme.example", "role": "Billing owner"}, "context": {"groupId": "acme"}}),
            json!({"type": "track", "userId": "usr_1", "event": "Checkout Failed", "properties": {"code": "card_declined"}, "context": {"groupId": "acme"}}),
        ])
        .await;
    let answer = app
        .as_member("sam")
        .ask("support.view", person("usr_1"))
        .await
        .expect(200);
    println!("{}", serde_json::to_string_pretty(&answer.json).unwrap());
    assert_eq!(answer.value("account.plan"), "trial");
    assert_eq!(answer.value("role.name"), "Billing owner");
    assert_eq!(answer.state("person.email"), "masked with email");
    assert_eq!(answer.journey(), ["checkout.failed"]);
}
