//! The OpenAPI document says what the server answers: every route, every status, every part.

use std::collections::BTreeSet;

use kith_server::routes::{Door, Method, ROUTES, Route};
use kith_testkit::app::client::{account, person};
use kith_testkit::app::facts::about;
use kith_testkit::{Answer, Store, TestApp};
use serde_json::{Value, json};

crate::promises! { answers_are_as_the_document_says }

fn method_of(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Patch => "patch",
    }
}

const TILE: &str = "/v1/audit/log/tile/{tile}";

/// A route's path as the document has it.
fn documented(route: &Route) -> String {
    route.path.replace("{*", "{")
}

/// What is answered to whom, at which documented path.
async fn asked(app: &TestApp) -> Vec<(&'static str, Method, String, String)> {
    let seen = app
        .as_member("lea")
        .ask("support.view", account("acme"))
        .await;
    let id = seen.expect(200).json["account"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let ada = app
        .as_member("lea")
        .ask("support.view", person("usr_1"))
        .await;
    let ada = ada.expect(200).json["person"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let line = format!("/v1/accounts/{id}/journey?purpose=support.view&kinds=conversation");
    let line = app.as_member("lea").get(&line).await.expect(200);
    let conversation = line.json["items"][0]["id"].as_str().unwrap().to_owned();
    let view = "purpose=support.view";
    let get = |path, at: String| (path, Method::Get, at, String::new());
    let post =
        |path: &'static str, body: Value| (path, Method::Post, path.to_owned(), body.to_string());
    let question = |subject: Value| json!({"purpose": "support.view", "subject": subject});
    let mut asked = vec![
        get("/healthz", "/healthz".into()),
        get("/readyz", "/readyz".into()),
        get("/openapi.json", "/openapi.json".into()),
        post("/v1/context", question(account("acme"))),
        post("/v1/context", question(person("usr_1"))),
        post("/v1/context", question(account("nowhere"))),
        post(
            "/v1/context",
            json!({"purpose": "report.view", "subject": account("acme")}),
        ),
        post("/v1/context", json!([])),
        post("/v1/explain", question(account("acme"))),
        post("/v1/explain", question(account("nowhere"))),
        post(
            "/v1/decisions",
            json!({"purpose": "support.view", "accounts": [id]}),
        ),
        post(
            "/v1/decisions",
            json!({"purpose": "support.view", "accounts": []}),
        ),
        get(
            "/v1/accounts",
            format!("/v1/accounts?{view}&count=true&limit=1"),
        ),
        get(
            "/v1/accounts",
            format!("/v1/accounts?{view}&sort=account.taxId"),
        ),
        get("/v1/accounts", "/v1/accounts".into()),
        get("/v1/search", format!("/v1/search?{view}&q=growth&limit=1")),
        get("/v1/search", format!("/v1/search?{view}&q=•")),
        get("/v1/accounts/{id}", format!("/v1/accounts/{id}?{view}")),
        get("/v1/accounts/{id}", "/v1/accounts/x".into()),
        get(
            "/v1/accounts/{id}/summary",
            format!("/v1/accounts/{id}/summary?{view}"),
        ),
        get(
            "/v1/accounts/{id}",
            format!("/v1/accounts/{id}?{view}&asOf=2026-02-01"),
        ),
        get(
            "/v1/accounts/{id}/journey",
            format!("/v1/accounts/{id}/journey?{view}&limit=1"),
        ),
        get(
            "/v1/people/{id}/journey",
            format!("/v1/people/{ada}/journey?{view}&limit=1"),
        ),
        get(
            "/v1/conversations/{id}",
            format!("/v1/conversations/{conversation}?{view}"),
        ),
        get(
            "/v1/projects/{key}/settings",
            "/v1/projects/any/settings".into(),
        ),
        get("/v1/audit", "/v1/audit?limit=1".into()),
        get("/v1/audit", "/v1/audit?limit=0".into()),
        get(
            "/v1/audit/log/checkpoint",
            "/v1/audit/log/checkpoint".into(),
        ),
        get(TILE, "/v1/audit/log/tile/0/000.p/1".into()),
        get(TILE, "/v1/audit/log/tile/0/999".into()),
        get(
            "/v1/audit/log/inclusion",
            "/v1/audit/log/inclusion?index=0".into(),
        ),
        get(
            "/v1/audit/log/consistency",
            "/v1/audit/log/consistency?from=1".into(),
        ),
        get(
            "/v1/audit/log/consistency",
            "/v1/audit/log/consistency?from=0".into(),
        ),
    ];
    asked.extend([
        get(
            "/v1/people/{id}/identity",
            format!("/v1/people/{ada}/identity?{view}"),
        ),
        get(
            "/v1/accounts/{id}/identity",
            format!("/v1/accounts/{id}/identity?{view}"),
        ),
        get(
            "/v1/companies/{id}/identity",
            format!("/v1/companies/x/identity?{view}"),
        ),
        get("/v1/reviews", "/v1/reviews".into()),
        get("/v1/reviews", "/v1/reviews?status=x".into()),
    ]);
    for (list, one) in [
        ("/v1/people", "/v1/people/{id}"),
        ("/v1/companies", "/v1/companies/{id}"),
        ("/v1/subscriptions", "/v1/subscriptions/{id}"),
        ("/v1/sites", "/v1/sites/{id}"),
        ("/v1/conversations", "/v1/conversations/{id}"),
    ] {
        let of = [("purpose", "support.view")];
        let page = app.as_member("lea").list_of(list, &of).await.expect(200);
        let id = page.json["items"][0]["id"].as_str().unwrap();
        asked.push(get(list, format!("{list}?{view}&count=true&limit=1")));
        asked.push(get(list, format!("{list}?{view}&limit=0")));
        asked.push(get(one, format!("{list}/{id}?{view}")));
        asked.push(get(one, format!("{list}/x?{view}")));
        if one == "/v1/companies/{id}" {
            let who = "/v1/companies/{id}/identity";
            asked.push(get(who, format!("{list}/{id}/identity?{view}")));
        }
    }
    asked
}

async fn answers_are_as_the_document_says(store: Store) {
    let auditing = "allow audit.view, person.merge\nwhen user.role == \"leadership\"\n";
    let folder = crate::conversations::folder().with("policies/audit.kith", auditing);
    let app = TestApp::with_definitions(store, folder).await;
    let conversation = about(&["conversationId:c-1"]).with(json!({"status": "open"}));
    let conversation = conversation.to("conversation.account", "groupId:acme");
    let around = [
        conversation,
        about(&["groupId:acme"])
            .to("account.company", "companyId:crm-1")
            .to("account.site", "siteKey:berlin"),
        about(&["companyId:crm-1"]).with(json!({"name": "Acme Example"})),
        about(&["siteKey:berlin"]).with(json!({"region": "eu"})),
        about(&["subscriptionId:sub-1"])
            .with(json!({"status": "active"}))
            .to("subscription.account", "groupId:acme"),
    ];
    assert_eq!(app.tell("crm", around).await, 0);
    app.engine().fold_audit_log(app.id()).await.unwrap();
    for group in ["acme", "other"] {
        let message = json!({"type": "group", "userId": "usr_1", "groupId": group,
                             "traits": {"plan": "growth", "region": "eu"}});
        app.source("product").deliver([message]).await;
    }
    let sam = app.as_member("sam");
    let served = sam
        .send(reqwest::Method::GET, "/openapi.json", "")
        .await
        .expect(200);
    let document = &served.json;
    assert_eq!(served.header("content-type"), "application/json");
    insta::assert_snapshot!("openapi", serde_json::to_string_pretty(document).unwrap());

    // People read the same, without a script.
    let page = sam
        .send(reqwest::Method::GET, "/docs/api", "")
        .await
        .expect(200);
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    assert!(!page.text.contains("<script"));
    for route in ROUTES.iter().filter(|route| route.door == Door::Api) {
        let method = method_of(route.method).to_uppercase();
        assert!(
            page.text
                .contains(&format!("<h2>{method} {}</h2>", documented(route))),
            "{}",
            route.path
        );
    }
    let types = &document["components"]["schemas"]["Problem"]["properties"]["type"]["oneOf"];
    for problem in types.as_array().unwrap() {
        assert!(
            page.text.contains(problem["const"].as_str().unwrap()),
            "{problem}"
        );
    }

    // The paths are those of the routes, and no others.
    let in_document: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.clone()))
        })
        .collect();
    let routes = ROUTES
        .iter()
        .filter(|route| route.door == Door::Api)
        .map(|route| (documented(route), method_of(route.method).to_owned()));
    assert_eq!(in_document, routes.collect());

    let mut answered = BTreeSet::new();
    for (path, method, at, body) in asked(&app).await {
        let operation = &document["paths"][path][method_of(method)];
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        for client in [&sam, &app.as_member("lea"), &app.anonymous()] {
            let answer = client.send(method.clone(), &at, body.clone()).await;
            is_documented(document, operation, &answer, path);
            if answer.status == 200 {
                answered.insert(path);
            }
        }
    }
    let data = ROUTES.iter().map(documented);
    let data = data.filter(|path| {
        document["paths"][path]["get"]["parameters"].is_array() || path == "/v1/context"
    });
    for path in data {
        assert!(
            answered.contains(path.as_str()),
            "`{path}` was never answered: ask it here"
        );
    }
}

/// Its status is documented, and so is every part of it, those that must be there are.
fn is_documented(document: &Value, operation: &Value, answer: &Answer, path: &str) {
    let documented = &operation["responses"][answer.status.to_string()];
    assert!(
        documented.is_object(),
        "{path} has no {}: {answer:?}",
        answer.status
    );
    let kind = answer.header("content-type");
    let mut schema = &documented["content"][kind]["schema"];
    if schema["$ref"] == "#/components/schemas/Problem" {
        schema = &document["components"]["schemas"]["Problem"];
        let types = schema["properties"]["type"]["oneOf"].as_array().unwrap();
        assert!(
            types.iter().any(|of| of["const"] == answer.json["type"]),
            "{answer:?}"
        );
    }
    assert!(schema.is_object(), "{path} answers {kind}: {answer:?}");
    if !kind.ends_with("json") {
        // Of other forms the document says no more.
        return;
    }
    let parts = answer.json.as_object().unwrap();
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            parts.contains_key(required.as_str().unwrap()),
            "{path}, {required}: {answer:?}"
        );
    }
    for part in parts.keys().filter(|_| schema["properties"].is_object()) {
        assert!(
            schema["properties"].get(part).is_some(),
            "{path}, `{part}`: {answer:?}"
        );
    }
}
