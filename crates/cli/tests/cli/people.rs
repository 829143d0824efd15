//! `kith people`: what is done to people beside the store.

use crate::home::Home;

#[test]
fn a_person_is_exported_erased_and_let_in_again() {
    let home = Home::new();
    let demo = home.json("demo --once");
    let ada = demo["views"][0]["context"]["person"]["id"]
        .as_str()
        .unwrap();

    let said = home.ok(&format!("people export {ada} --file ada.json"));
    assert!(said.contains("nobody but the person"), "{said}");
    let text = std::fs::read_to_string(home.path().join("ada.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["id"], ada);
    assert!(text.contains("usr_2481"));
    // What is there already is not written over.
    let error = home.fails(2, &format!("people export {ada} --file ada.json"));
    assert!(error.contains("cannot make `ada.json`"), "{error}");

    let said = home.ok(&format!("people erase {ada}"));
    assert!(said.starts_with(&format!("erased {ada}: ")), "{said}");
    let error = home.fails(2, &format!("people erase {ada}"));
    assert!(error.contains("there is no person"), "{error}");
    home.fails(2, "people erase nonsense");

    let said = home.ok("people readmit userId:usr_2481");
    assert_eq!(said.trim(), "what names this userId is taken in again");
    let said = home.ok("people readmit userId:usr_2481");
    assert!(said.contains("nothing changed"), "{said}");
    let error = home.fails(2, "people readmit usr_2481");
    assert!(error.contains("expected TYPE:VALUE"), "{error}");
}

#[test]
fn who_are_likely_one_wait_for_a_review_once() {
    let home = Home::new();
    home.ok("demo --once");
    let first = home.json("people suggest");
    assert_eq!(first["people"], 400);
    let likely = first["likely"].as_u64().unwrap();
    // The cast has a person who is there twice.
    assert!(likely >= 1, "{first}");
    assert_eq!(first["new"].as_u64(), Some(likely));
    let again = home.json("people suggest");
    assert_eq!(again["likely"].as_u64(), Some(likely));
    assert_eq!(again["new"], 0);
}
