//! At its loudest level the real binary logs no value, no identifier and no credential: neither Kith
//! itself, nor any library in it.

use kith_testkit::app::client::person;
use kith_testkit::{Home, Store};
use serde_json::json;

use crate::server::Server;
use crate::workspace;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loudest_log_tells_nothing_of_a_customer_on_sqlite() {
    the_loudest_log_tells_nothing(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loudest_log_tells_nothing_of_a_customer_on_postgres() {
    the_loudest_log_tells_nothing(Store::Postgres).await;
}

async fn the_loudest_log_tells_nothing(store: Store) {
    let home = Home::fresh(store).await;
    let workspace = workspace(&home).await;
    let mut server = Server::start(&home, "trace").await;
    let desk = server.desk(&workspace);
    let (product, lea) = (desk.source("product"), desk.as_member("lea"));
    product
        .deliver([
            json!({"type": "identify", "userId": "usr_planted", "traits": {"name": "Planted", "uncatalogued": "Planted"}}),
            json!({"type": "track", "userId": "usr_planted", "event": "Checkout Failed", "properties": {"code": "Planted"}}),
        ])
        .await;
    let token = desk.jwt("usr_planted");
    let seen = lea
        .clone()
        .proving(token.clone())
        .ask("support.view", person("usr_planted"))
        .await
        .expect(200);
    assert_eq!(seen.value("person.name"), "Planted");
    lea.ask("support.view", person("planted_nobody"))
        .await
        .expect(404);

    server.kill();
    let log = server.log();
    assert!(log.contains("/v1/context"), "it does log: {log}");
    for secret in ["Planted", "planted", product.key(), lea.key(), &token] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "in the log: {line:?}");
    }
}
