//! What `schemathesis` thinks up from the document, the server answers as the document says: no fault of
//! its own, no status, content type or part that is not documented.

use std::process::Command;

use kith_domain::Scope;
use kith_engine::{AuditActor, KeyHolder, NewKey};
use kith_testkit::app::client::{account, person};
use kith_testkit::{Folder, Store, TestApp};
use serde_json::json;

use crate::clients::installed;
use crate::writes::WRITERS;

crate::promises! { what_a_stranger_thinks_up_is_answered_as_documented }

/// Cases thought up for each operation, beside those that cover its bounds. The seed makes them the same in
/// every run.
const EXAMPLES: u32 = 5;
const SEED: u32 = 20_261_124;

/// What is asked of every answer. That a wrong question is refused and a right one taken is not: of many
/// texts only the catalog and the policies tell which they are.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// Left out: it has no way to write NDJSON. What one line says is what `POST` of the path without `/bulk` takes.
const NO_JSON: &str =
    "^/v1/(accounts|people|events|companies|conversations|sites|subscriptions)/bulk$";

async fn what_a_stranger_thinks_up_is_answered_as_documented(store: Store) {
    let auditing = "allow audit.view\nwhen user.role == \"leadership\"\n";
    let folder = Folder::standard()
        .with("policies/audit.kith", auditing)
        .with("policies/writers.kith", WRITERS);
    let app = TestApp::with_definitions(store, folder).await;
    for group in ["acme", "other"] {
        let message = json!({"type": "group", "userId": "usr_1", "groupId": group,
                             "traits": {"plan": "growth", "region": "eu"}});
        app.source("product").deliver([message]).await;
    }
    let lea = app.as_member("lea");
    let seen = lea.ask("support.view", account("acme")).await.expect(200);
    let acme = seen.json["account"]["id"].as_str().unwrap().to_owned();
    let seen = lea.ask("support.view", person("usr_1")).await.expect(200);
    let ada = seen.json["person"]["id"].as_str().unwrap().to_owned();
    app.engine().fold_audit_log(app.id()).await.unwrap();

    let new = NewKey {
        holder: KeyHolder::Member("lea".to_owned()),
        scopes: vec![Scope::Write],
        writes_as: None,
        label: String::new(),
    };
    let made = app
        .engine()
        .create_key(app.id(), AuditActor::operator(), new);
    let key = made.await.unwrap().1;
    let config = format!(
        r#"
        [auth.openapi.key]
        bearer = "{key}"
        [auth.openapi.writeKey]
        username = "{write_key}"
        password = ""

        # Half of the time one that is there, else anything.
        [dictionaries.accounts]
        values = ["{acme}"]
        [dictionaries.people]
        values = ["{ada}"]
        [dictionaries.purposes]
        values = ["support.view"]
        [parameters]
        "query.purpose" = {{ dictionary = "purposes", probability = 0.5 }}
        [[operations]]
        include-path-regex = "^/v1/accounts/"
        parameters = {{ "path.id" = {{ dictionary = "accounts", probability = 0.5 }} }}
        [[operations]]
        include-path-regex = "^/v1/people/"
        parameters = {{ "path.id" = {{ dictionary = "people", probability = 0.5 }} }}
        "#,
        key = key.reveal(),
        write_key = app.source("product").key(),
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), config).unwrap();
    let program = installed("KITH_TEST_PYTHON").with_file_name("schemathesis");
    let output = Command::new(program)
        .current_dir(&folder)
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("{}/openapi.json", app.url()))
        .args(["--include-path-regex", "^/v1/", "--checks", CHECKS])
        .args(["--exclude-path-regex", NO_JSON])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--continue-on-failure",
        ])
        .args([
            "--max-examples",
            &EXAMPLES.to_string(),
            "--seed",
            &SEED.to_string(),
        ])
        .args([
            "--generation-database",
            "none",
            "--suppress-health-check",
            "all",
        ])
        .args(["--warnings", "off", "--no-color", "--no-shrink"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
}
