//! `kith sources`: set up, looked at, paused and removed, with the secret printed nowhere.

use crate::home::Home;

const SECRET: &str = "whsec_stripe_example_secret";

#[test]
fn a_source_is_set_up_paused_and_removed() {
    let home = Home::new().with("KITH_MASTER_KEY", &"42".repeat(32));
    home.ok("workspaces create acme");
    home.write("stripe.secret", SECRET);
    home.write(
        "setup.toml",
        "[fields]\n\"customer.metadata.tier\" = \"account.slaTier\"\n",
    );
    let add = "sources add billing --kind stripe --secret-file stripe.secret --setup setup.toml";
    let added = home.json(add);
    assert_eq!(
        added["config"]["fields"]["customer.metadata.tier"],
        "account.slaTier"
    );
    let id = added["id"].as_str().unwrap();
    assert_eq!(added["path"], format!("/v1/hooks/{id}"));

    home.ok("sources pause billing");
    let listed = home.json("sources list");
    assert_eq!(listed[0]["state"], "paused");
    home.ok(&format!("sources resume {id}"));
    home.write("new.secret", "whsec_second_example_secret");
    home.ok("sources secret billing --secret-file new.secret");
    let table = home.ok("sources list");
    assert!(
        table.contains("billing") && table.contains("enabled"),
        "{table}"
    );
    let log = home.ok("audit search");
    for action in [
        "source.add",
        "source.pause",
        "source.resume",
        "source.secret",
    ] {
        assert!(log.contains(action), "{action} in {log}");
    }
    for said in [table, log, added.to_string()] {
        assert!(!said.contains("whsec_"), "{said}");
    }
    home.ok("sources remove billing");
    assert_eq!(home.json("sources list"), serde_json::json!([]));
    home.fails(2, "sources pause billing");
}

#[test]
fn what_cannot_be_a_source_is_told_why() {
    let home = Home::new();
    home.ok("workspaces create acme");
    home.write("stripe.secret", SECRET);
    home.write("short.secret", "short");
    home.write(
        "setup.toml",
        "[fields]\n\"customer.metadata.tier\" = \"planet.tier\"\n",
    );
    let check = |line: &str, expect: &str| {
        let said = home.fails(2, &format!("sources add billing {line}"));
        assert!(said.contains(expect), "{line}: {said}");
    };
    check(
        "--kind stripe --secret-file stripe.secret",
        "KITH_MASTER_KEY",
    );
    check("--kind stripe --secret-file short.secret", "16 characters");
    check(
        "--kind hubspot --secret-file stripe.secret",
        "HubSpot signs the address",
    );
    check("--kind paypal --secret-file stripe.secret", "`chatwoot`");
    check(
        "--kind stripe --secret-file stripe.secret --setup setup.toml",
        "expected a field such as",
    );
    check(
        "--kind stripe --secret-file nowhere",
        "cannot read `nowhere`",
    );
    let wrong = Home::new().with("KITH_MASTER_KEY", "42");
    let said = wrong.fails(2, "workspaces list");
    assert!(said.contains("64 hexadecimal digits"), "{said}");
}
