//! `kith definitions check` and `load`, `kith policy check`.

use std::path::Path;

use serde_json::Value as Json;

use crate::home::Home;

/// A folder with mistakes in each of its files.
fn broken() -> Home {
    let home = Home::new();
    home.write(
        "defs/workspace.toml",
        "edition = 2026\n\n[ceilings]\nsuport = \"internal\"\n",
    );
    home.write(
        "defs/fields/account.toml",
        "[plan]\ntype = \"enum\"\nowner = \"RevOps\"\ndescription = \"The plan.\"\nsensitivity = \"internl\"\nsafe_for = [\"support\"]\n",
    );
    home.write(
        "defs/policies/support.kith",
        "allow support.veiw\nwhen user.role == \"support\"\n\nshow account.plan when\n",
    );
    home
}

#[test]
fn every_mistake_is_shown_with_its_place_and_what_to_do() {
    let home = broken();
    let said = home.run("definitions check defs");
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    insta::assert_snapshot!(said.err);
    let policy = home.run("policy check defs");
    assert_eq!((policy.code, policy.err), (2, said.err));
}

/// A folder whose files are well formed, and whose policies ask for what there is not.
#[test]
fn policies_are_held_against_the_catalog() {
    let home = Home::new();
    home.write("defs/workspace.toml", "edition = 2026\n");
    home.write(
        "defs/fields/account.toml",
        "[plan]\ntype = \"string\"\nowner = \"RevOps\"\ndescription = \"The plan.\"\nsensitivity = \"internal\"\nsafe_for = [\"support\"]\n",
    );
    home.write(
        "defs/policies/support.kith",
        "allow support.view\nwhen user.rolle == \"support\"\nand account.paln == \"growth\"\n\nshow account.plan when account.plan == 7\n",
    );
    insta::assert_snapshot!(home.fails(2, "definitions check defs"));
}

#[test]
fn machines_get_every_mistake_as_data() {
    let home = broken();
    let said = home.run("definitions check defs --json");
    assert_eq!(said.code, 2);
    let json: Json = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["ok"], false);
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(json["errors"], findings.len());
    for finding in findings {
        for part in [
            "severity", "code", "file", "line", "column", "span", "message",
        ] {
            assert!(finding.get(part).is_some(), "{part} of {finding}");
        }
    }
}

#[test]
fn broken_definitions_are_not_published() {
    let home = broken();
    home.ok("workspaces create acme");
    let check = home.fails(2, "definitions check defs");
    assert_eq!(home.fails(2, "definitions load defs"), check);
    let entries = home.json("audit search");
    assert_eq!(entries, Json::Array(Vec::new()), "nothing was done");
}

#[test]
fn what_is_no_folder_or_no_text_is_told() {
    let home = Home::new();
    let err = home.fails(2, "definitions check nowhere");
    assert!(err.contains("cannot read `nowhere"), "{err}");
    std::fs::create_dir(home.path().join("defs")).unwrap();
    std::fs::write(home.path().join("defs/workspace.toml"), b"edition = \xff").unwrap();
    let err = home.fails(2, "definitions check defs");
    assert!(
        err.contains("`defs/workspace.toml` is not UTF-8 text (byte 10)"),
        "{err}"
    );
}

#[test]
fn hidden_files_belong_to_others() {
    let home = Home::new();
    home.write("defs/workspace.toml", "edition = 2026\n");
    home.write("defs/.git/config", "[core]");
    home.write("defs/.editorconfig", "root = true");
    let out = home.ok("definitions check defs");
    assert_eq!(out, "ok: 0 fields, 0 statements, 0 warnings\n");
}

#[test]
fn the_demos_definitions_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/definitions");
    let home = Home::new();
    let json = home.json(&format!("policy check '{}'", folder.display()));
    assert_eq!(json["ok"], true, "{json}");
    assert_eq!(json["warnings"], 0, "{json}");
}
