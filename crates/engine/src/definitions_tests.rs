//! What must hold before definitions are published.

use super::*;

fn files(cases: &str) -> Vec<SourceFile> {
    let file = |(path, text): (&str, &str)| SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        ("workspace.toml", "edition = 2026"),
        (
            "policies/a.kith",
            "allow support.view when user.role == \"support\"",
        ),
        ("tests/a.toml", cases),
    ];
    files.into_iter().map(file).collect()
}

const CASES: &str = r#"
[members.sam]
roles = ["support"]

[members.ina]

[[case]]
name = "support looks"
actor = "sam"
purpose = "support.view"
expect = "allowed"

[[case]]
name = "others do not"
actor = "ina"
purpose = "support.view"
expect = "refused"
"#;

#[test]
fn nothing_is_published_against_its_own_cases() {
    assert!(check(files(CASES)).is_ok());
    let broken = CASES.replace("roles = [\"support\"]", "roles = [\"supprt\"]");
    let found = check(files(&broken)).unwrap_err();
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "tests/a.toml:8:8: this case fails: the answer for `sam` under `support.view` is `refused`, not `allowed` (`allow` at policies/a.kith:1 does not hold: `user.role == \"support\"` is false)"
        ]
    );
    assert!(
        read(files(&broken)).is_ok(),
        "what was published once is good enough to decide by"
    );
}
