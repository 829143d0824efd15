//! Each rule finds what it is for, and lets its neighbours pass.

use std::path::Path;

use super::rules;

fn check(path: &str, text: &str, expect: &[&str]) {
    let found: Vec<String> = rules::check(Path::new(path), text)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found.len(), expect.len(), "{path}: {found:?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!(
            found.starts_with(&format!("{path}:{expect}")),
            "{found} instead of {expect}"
        );
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    check("a.rs", "//! Nouns.\n", &[]);
    check("a.rs", "use std::fmt;\n", &["1: a module starts with"]);
    check("a.rs", "", &["1: a module starts with"]);
    check("a.py", "import os\n", &[]);
}

#[test]
fn no_file_that_people_write_is_longer_than_800_lines() {
    let long = "x\n".repeat(801);
    check("docs/a.md", &"x\n".repeat(800), &[]);
    check("docs/a.md", &long, &["801: 801 lines, more than 800"]);
    check("Cargo.lock", &long, &[]);
    check("tests/clients/node/package-lock.json", &long, &[]);
    check("crates/a/src/snapshots/a.snap", &long, &[]);
}

#[test]
fn unfinished_work_is_not_committed() {
    check("a.md", "one\nTODO: two\n", &["2: `TODO`"]);
    check("a.md", "(FIXME)", &["1: `FIXME`"]);
    check(
        "a.md",
        "TODOS and MY_TODO are other words, and so is todo",
        &[],
    );
}

#[test]
fn no_path_of_one_machine_is_committed() {
    check(
        "a.md",
        "in /home/ada/kith",
        &["1: `/home/` is a path of one machine"],
    );
    check(
        "a.md",
        "\"/root/.cargo\" and `/work/x`",
        &["1: `/root/`", "1: `/work/`"],
    );
    check(
        "a.md",
        "docs/work/a.md, $HOME/work/b, ./home/c, https://kith.example/home/d",
        &[],
    );
}

#[test]
fn lock_files_work_with_any_registry() {
    check(
        "tests/clients/node/package-lock.json",
        "{\n  \"resolved\": \"x\"\n}",
        &["2: `\"resolved\":`"],
    );
    check("requirements.txt", "--index-url x", &["1: `--index-url`"]);
}
