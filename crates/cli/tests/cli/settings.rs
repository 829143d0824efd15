//! Settings, and the stores that they name.

use crate::home::Home;

#[test]
fn all_mistakes_are_told_at_once() {
    let home = Home::new()
        .with("KITH_LISTEN", "everywhere")
        .with("KITH_LOG_FROMAT", "json");
    home.write(
        "kith.toml",
        "store_url = 7\nnode = \"EU\"\nport = \"7600\"\n",
    );
    insta::assert_snapshot!(home.fails(2, "keys list"), @"
    kith: the settings have 5 mistakes:
      `kith.toml`: unknown setting `port`: known are store_url, listen, metrics_listen, rate_limit, node, audit_key_file, master_key_file, audit_checkpoint_file, audit_checkpoint_url, audit_checkpoint_every, log_format, log
      unknown variable `KITH_LOG_FROMAT`: did you mean `KITH_LOG_FORMAT`?
      `kith.toml`: `store_url` must be a text in quotes
      `KITH_LISTEN`: expected an address and a port, such as `127.0.0.1:7600`
      `kith.toml`: `node`: expected 1 to 63 small letters, digits and `-`
    ");
    let err = home.fails(2, "keys list --json");
    let json: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!(json["exitCode"], 2);
    assert_eq!(json["mistakes"].as_array().unwrap().len(), 5);
    assert!(
        !home.path().join("kith-data").exists(),
        "nothing was opened"
    );
}

#[test]
fn a_settings_file_that_is_named_must_be_there() {
    let home = Home::new();
    let err = home.fails(2, "keys list --config other.toml");
    assert!(
        err.contains("`other.toml` cannot be read: No such file"),
        "{err}"
    );
    home.write("other.toml", "store_url = \"sqlite:./elsewhere\"\n");
    home.ok("workspaces create acme --config other.toml");
    assert!(home.path().join("elsewhere/kith.db").exists());
}

#[test]
fn a_store_that_cannot_be_opened_is_told_with_what_to_do() {
    let home = Home::new();
    home.write("file", "not a folder");
    let check = |url: &str, expect: &[&str]| {
        let home = Home::new().with("KITH_STORE_URL", url);
        home.write("file", "not a folder");
        let err = home.fails(1, "workspaces list");
        for part in expect {
            assert!(err.contains(part), "{err}");
        }
        assert!(!err.contains("hunter2"), "{err}");
    };
    check(
        "sqlite:./file/data",
        &[
            "cannot open the store `sqlite:./file/data`",
            "check that the folder can be written",
        ],
    );
    check(
        "postgres://kith:hunter2@127.0.0.1:1/kith",
        &[
            "cannot open the store `postgres://127.0.0.1:1/kith`",
            "check that PostgreSQL runs there",
        ],
    );
}
