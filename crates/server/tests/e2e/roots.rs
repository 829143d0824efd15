//! Lists of people, companies, subscriptions and sites, and one of each: who exists, what is seen of them,
//! and that both say the same as the accounts that they belong to.

use kith_engine::{AuditActor, AuditItem, AuditQuery};
use kith_testkit::app::facts::about;
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use serde_json::json;

use crate::around::cost;

crate::promises! {
    what_belongs_to_accounts_is_listed_with_those_in_view,
    lists_are_filtered_sorted_and_counted_by_what_is_seen,
    the_only_account_in_view_decides_with_its_people,
    pages_hold_every_person_once,
    a_cursor_of_one_list_serves_no_other,
    one_is_read_as_it_is_listed,
    absent_and_out_of_view_cost_the_same,
}

const POLICIES: &str = "allow support.view\n\n\
    limit account to account.region in user.regions\nwhen user.role == \"support\"\n\n\
    mask person.email with email\n";

/// `acme` in Europe with Ada and Bo, `globex` in America with Cy; Ada is of both, Dee of none.
async fn app(store: Store, policies: &str) -> TestApp {
    let app = TestApp::with_definitions(store, Folder::with_policies(policies)).await;
    let join = |person: &str, group: &str, role: &str| {
        json!({"type": "identify", "userId": person, "context": {"groupId": group},
               "traits": {"name": person, "email": format!("{person}@mail.example"), "role": role}})
    };
    let source = app.source("product");
    source
        .deliver([
            json!({"type": "group", "userId": "ada", "groupId": "acme", "traits": {"region": "eu", "plan": "growth"}}),
            json!({"type": "group", "userId": "ada", "groupId": "globex", "traits": {"region": "us", "plan": "trial"}}),
        ])
        .await;
    source
        .deliver([
            join("ada", "acme", "Owner"),
            join("bo", "acme", "Billing"),
            join("cy", "globex", "Owner"),
            json!({"type": "identify", "userId": "dee", "traits": {"name": "dee"}}),
        ])
        .await;
    app.tell(
        "crm",
        [
            about(&["groupId:acme"])
                .to("account.company", "companyId:crm-1")
                .to("account.site", "siteKey:berlin"),
            about(&["groupId:globex"]).to("account.company", "companyId:crm-2"),
            about(&["companyId:crm-1"]).with(json!({"name": "Acme Example", "region": "eu"})),
            about(&["companyId:crm-2"]).with(json!({"name": "Globex Example", "region": "us"})),
            about(&["companyId:crm-3"]).with(json!({"name": "Prospect Example"})),
            about(&["siteKey:berlin"]).with(json!({"region": "eu"})),
            about(&["subscriptionId:sub-1"])
                .with(json!({"status": "active", "seats": 5}))
                .to("subscription.account", "groupId:acme"),
            about(&["subscriptionId:sub-2"])
                .with(json!({"status": "active", "seats": 9}))
                .to("subscription.account", "groupId:globex"),
        ],
    )
    .await;
    app
}

async fn list(client: &Client, path: &str, params: &[(&str, &str)]) -> Answer {
    let params = [&[("purpose", "support.view")], params].concat();
    client.list_of(path, &params).await
}

/// What a list shows of one field, sorted, and how many it counts.
async fn shown(client: &Client, path: &str, field: &str, filter: &str) -> (Vec<String>, u64) {
    let mut params = vec![("count", "true")];
    if !filter.is_empty() {
        params.push(("filter", filter));
    }
    let page = list(client, path, &params).await.expect(200);
    let items = page.json["items"].as_array().unwrap().iter();
    let mut shown: Vec<String> = items
        .map(|item| item[field]["value"].as_str().unwrap_or("-").to_owned())
        .collect();
    shown.sort_unstable();
    (shown, page.json["count"].as_u64().unwrap())
}

async fn what_belongs_to_accounts_is_listed_with_those_in_view(store: Store) {
    let app = app(store, POLICIES).await;
    let (sam, lea) = (app.as_member("sam"), app.as_member("lea"));
    for (path, field, for_sam, for_lea) in [
        ("/v1/people", "name", "ada bo dee", "ada bo cy dee"),
        (
            "/v1/companies",
            "name",
            "Acme Example Prospect Example",
            "Acme Example Globex Example Prospect Example",
        ),
        ("/v1/subscriptions", "key", "sub-1", "sub-1 sub-2"),
        ("/v1/sites", "key", "berlin", "berlin"),
    ] {
        for (client, expect) in [(&sam, for_sam), (&lea, for_lea)] {
            let (shown, count) = shown(client, path, field, "").await;
            assert_eq!(shown.join(" "), expect, "{path}");
            assert_eq!(count, shown.len() as u64, "{path}");
        }
    }
    // Each says to which accounts it belongs, those in view alone.
    let accounts = |answer: &Answer, name: &str| {
        let items = answer.json["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["name"]["value"] == name);
        item.unwrap()["accounts"].as_array().map_or(0, Vec::len)
    };
    let of_sam = list(&sam, "/v1/people", &[]).await;
    let of_lea = list(&lea, "/v1/people", &[]).await;
    assert_eq!((accounts(&of_sam, "ada"), accounts(&of_lea, "ada")), (1, 2));
    assert_eq!(accounts(&of_lea, "dee"), 0);
}

async fn lists_are_filtered_sorted_and_counted_by_what_is_seen(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    for (path, filter, expect) in [
        ("/v1/people", "person.name == \"bo\"", 1),
        ("/v1/people", "person.name != \"bo\"", 3),
        ("/v1/people", "person.email is absent", 1),
        // Of what is masked, the mask alone can be asked for.
        ("/v1/people", "person.email == \"bo@mail.example\"", 0),
        ("/v1/subscriptions", "subscription.seats > 5", 1),
        ("/v1/subscriptions", "account.plan == \"growth\"", 1),
        ("/v1/companies", "company.region == \"us\"", 1),
    ] {
        let (_, count) = shown(&lea, path, "name", filter).await;
        assert_eq!(count, expect, "{path} {filter}");
    }
    let sorted = list(
        &lea,
        "/v1/people",
        &[("sort", "-person.name"), ("limit", "2")],
    )
    .await;
    let names: Vec<_> = sorted.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["name"]["value"])
        .collect();
    assert_eq!(names, ["dee", "cy"]);
    let refused = list(
        &lea,
        "/v1/people",
        &[("filter", "person.diagnosis == \"x\"")],
    )
    .await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let unknown = list(&lea, "/v1/people", &[("sort", "person.nmae")]).await;
    assert!(unknown.text.contains("`person.name`"), "{unknown:?}");
}

async fn the_only_account_in_view_decides_with_its_people(store: Store) {
    let policies = "allow support.view\nwhen account.plan == \"growth\"\n\n\
        limit account to account.region in user.regions\nwhen user.role == \"support\"\n\n\
        hide person.name\nwhen role.name == \"Billing\"\n";
    let app = app(store, policies).await;
    // Of Ada's two accounts Sam sees one, which is bound; Lea sees both, and none is.
    let (of_sam, _) = shown(&app.as_member("sam"), "/v1/people", "name", "").await;
    assert_eq!(of_sam, ["-", "ada"]);
    let (of_lea, count) = shown(&app.as_member("lea"), "/v1/people", "name", "").await;
    assert_eq!((of_lea, count), (vec!["-".to_owned()], 1));
}

async fn pages_hold_every_person_once(store: Store) {
    let app = app(store, POLICIES).await;
    let many = (0..40).map(|number| {
        json!({"type": "identify", "userId": format!("p{number:02}"), "traits": {"name": format!("p{number:02}")}})
    });
    app.source("product").deliver(many).await;
    for sort in ["", "person.name"] {
        let (mut names, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut params = vec![("limit", "7"), ("count", "true")];
            params.extend((!sort.is_empty()).then_some(("sort", sort)));
            params.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = list(&app.as_member("sam"), "/v1/people", &params)
                .await
                .expect(200);
            assert_eq!(page.json["count"], 43);
            let items = page.json["items"].as_array().unwrap();
            names.extend(
                items
                    .iter()
                    .map(|item| item["name"]["value"].as_str().unwrap().to_owned()),
            );
            match page.json["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        if !sort.is_empty() {
            assert!(names.is_sorted(), "{names:?}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 43, "{sort}");
    }
}

async fn a_cursor_of_one_list_serves_no_other(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    let page = list(&lea, "/v1/people", &[("limit", "1")])
        .await
        .expect(200);
    let cursor = page.json["nextCursor"].as_str().unwrap();
    for (client, path, status) in [
        (&lea, "/v1/people", 200),
        (&lea, "/v1/companies", 400),
        (&lea, "/v1/accounts", 400),
        (&app.as_member("sam"), "/v1/people", 400),
    ] {
        let next = list(client, path, &[("limit", "1"), ("cursor", cursor)]).await;
        assert_eq!(next.status, status, "{path}: {next:?}");
    }
}

async fn one_is_read_as_it_is_listed(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    for (path, entity) in [
        ("/v1/people", "person"),
        ("/v1/companies", "company"),
        ("/v1/subscriptions", "subscription"),
        ("/v1/sites", "site"),
    ] {
        let page = list(&lea, path, &[]).await.expect(200);
        for item in page.json["items"].as_array().unwrap() {
            let id = item["id"].as_str().unwrap();
            let one = format!("{path}/{id}?purpose=support.view");
            let one = lea.get(&one).await.expect(200);
            let root = &one.json[entity];
            for (key, value) in item.as_object().unwrap() {
                match key.as_str() {
                    "withheld" => {}
                    "accounts" => assert_eq!(&one.json["accounts"], value, "{path}"),
                    _ => assert_eq!(&root[key], value, "{path} {key}"),
                }
            }
            let query = AuditQuery {
                limit: 100,
                ..AuditQuery::default()
            };
            let by = AuditActor::operator();
            let entries = app.engine().audit_search(app.id(), by, query).await;
            let entries = entries.unwrap();
            let of_answer = |entry: &&AuditItem| entry.id.to_string() == one.audit_id();
            let entry = entries.iter().find(of_answer).unwrap();
            assert_eq!(entry.action, format!("{}.read", &path[4..]));
        }
        let wrong = lea
            .get(&format!("{path}/acc_nothing?purpose=support.view"))
            .await;
        assert_eq!(wrong.status, 400, "{wrong:?}");
        let other = lea.get(&format!("{path}?purpose=ai.answer")).await;
        assert_eq!(other.status, 403, "{other:?}");
    }
}

async fn absent_and_out_of_view_cost_the_same(store: Store) {
    logs::capture();
    let app = app(store, POLICIES).await;
    let sam = app.as_member("sam");
    for (path, name, nobody) in [
        ("/v1/people", "cy", "per_00000000000000000000000000"),
        (
            "/v1/companies",
            "Globex Example",
            "com_00000000000000000000000000",
        ),
    ] {
        let all = list(&app.as_member("lea"), path, &[]).await.expect(200);
        let items = all.json["items"].as_array().unwrap();
        let hidden = items
            .iter()
            .find(|item| item["name"]["value"] == name)
            .unwrap();
        let mut costs = Vec::new();
        for id in [hidden["id"].as_str().unwrap(), nobody] {
            let answer = sam.get(&format!("{path}/{id}?purpose=support.view")).await;
            assert_eq!(answer.status, 404, "{answer:?}");
            costs.push(cost(&answer));
        }
        assert_eq!(costs[0], costs[1], "{path}");
    }
}
