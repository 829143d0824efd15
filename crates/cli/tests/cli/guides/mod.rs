//! The guides of `docs/guides`: every block of them is read, run or printed by the product itself.
//!
//! | fence | what must be true |
//! |---|---|
//! | `kith` | canonical policies, that check against the demo's catalog without a warning |
//! | `toml cases` | cases that hold under the `kith` blocks before them, in the same section |
//! | `toml of PATH` | a part of that file of the demo's definitions |
//! | `kith added to PATH` | canonical policies; the demo with them is the folder `changed` from there on |
//! | `kith wrong`, then `text` | policies, and what `kith policy check` prints of them |
//! | `toml cases wrong`, then `text` | cases, and what `kith policy test` prints of them |
//! | `console`, `console as NAME` | `$ kith …` beside the demo's definitions, or with that member's key, and what it prints |
//!
//! Tables between `<!-- table: NAME -->` or `<!-- outcomes: CASE -->` and `<!-- end -->` are made or
//! checked too. With `KITH_GUIDES=write` what is printed and made is written into the guides.

mod blocks;
mod made;

use std::path::{Path, PathBuf};

use kith_domain::Definitions;
use kith_domain::definitions::{SourceFile, read_folder};
use kith_policy::suite;

use crate::home::Home;
use blocks::{Block, Guide, TableKind};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_block_of_the_guide_to_policies_is_true() {
    check("docs/guides/policies.md");
}

#[test]
fn every_mistake_is_told_as_the_guide_says() {
    check("docs/guides/policy-mistakes.md");
}

#[test]
fn every_block_of_the_policy_reference_is_true() {
    check("docs/guides/policy-reference.md");
}

#[test]
fn a_block_of_no_known_kind_is_refused() {
    for fence in ["```\nx\n```\n", "```json\n{}\n```\n", "```text\nx\n```\n"] {
        let guide = Guide::read("a.md", fence);
        let found = std::panic::catch_unwind(|| Checker::default().blocks(&guide));
        assert!(found.is_err(), "{fence}");
    }
}

fn check(path: &str) {
    let file = repository().join(path);
    let text = std::fs::read_to_string(&file).unwrap();
    let guide = Guide::read(path, &text);
    let mut checker = Checker::default();
    checker.blocks(&guide);
    checker.tables(&guide);
    let rewritten = guide.with(&checker.rewrites);
    if std::env::var("KITH_GUIDES").is_ok_and(|how| how == "write") {
        std::fs::write(&file, rewritten).unwrap();
    } else {
        let told = checker.difference(&guide);
        assert!(told.is_none(), "{}", told.unwrap_or_default());
    }
}

/// Goes through a guide from its top.
#[derive(Default)]
struct Checker {
    /// Policies of this section so far.
    policies: String,
    section: usize,
    /// What the next `text` block must say.
    printed: Option<String>,
    /// Byte ranges of the guide, with what should stand there.
    rewrites: Vec<(std::ops::Range<usize>, String)>,
    demo: Option<Home>,
}

impl Checker {
    fn blocks(&mut self, guide: &Guide<'_>) {
        for block in &guide.blocks {
            if block.section != self.section {
                self.section = block.section;
                self.policies.clear();
            }
            let place = format!("{}:{}", guide.path, block.line);
            let printed = self.printed.take();
            assert!(
                printed.is_none() || block.kind == "text",
                "{place}: after a block that is wrong stands what is printed of it"
            );
            match block.kind {
                "kith" => self.policies_hold(block, &place),
                "toml cases" => self.cases_hold(block, &place),
                "kith wrong" => self.printed = Some(wrong_policies(block, &place)),
                "toml cases wrong" => self.printed = Some(self.wrong_cases(block, &place)),
                "text" => {
                    let said = printed.unwrap_or_else(|| panic!("{place}: printed by what?"));
                    self.rewrites.push((block.range.clone(), said));
                }
                "console" => self.console(block, None, &place),
                other => {
                    if let Some(path) = other.strip_prefix("kith added to ") {
                        self.change(block, path, &place);
                    } else if let Some(path) = other.strip_prefix("toml of ") {
                        let file = repository().join("demo/definitions").join(path);
                        let whole = std::fs::read_to_string(file).unwrap();
                        assert!(whole.contains(block.text), "{place}: not in `{path}`");
                    } else if let Some(name) = other.strip_prefix("console as ") {
                        self.console(block, Some(name), &place);
                    } else {
                        panic!("{place}: `{other}` is no kind of block that this test knows");
                    }
                }
            }
        }
        assert!(self.printed.is_none(), "{}: what is printed?", guide.path);
    }

    fn policies_hold(&mut self, block: &Block<'_>, place: &str) {
        let canonical = kith_policy::format("policies/guide.kith", block.text).unwrap_or_default();
        assert_eq!(canonical, block.text, "{place} is not in canonical form");
        if !self.policies.is_empty() {
            self.policies.push('\n');
        }
        self.policies.push_str(block.text);
        let files = folder(&[("policies/guide.kith", &self.policies)]);
        let (_, warnings) = kith_policy::check(&read(files)).unwrap_or_else(|found| {
            panic!("{place}: {found:#?}");
        });
        assert_eq!(warnings, [], "{place}");
    }

    /// Makes the folder `changed`: the demo with a block at the end of one of its files.
    fn change(&mut self, block: &Block<'_>, path: &str, place: &str) {
        let canonical = kith_policy::format(path, block.text).unwrap_or_default();
        assert_eq!(canonical, block.text, "{place} is not in canonical form");
        let demo = self.demo.get_or_insert_with(demo);
        let mut found = false;
        for mut file in demo_files() {
            if file.path == path {
                file.text.push('\n');
                file.text.push_str(block.text);
                found = true;
            }
            demo.write(&format!("changed/{}", file.path), &file.text);
        }
        assert!(found, "{place}: the demo has no `{path}`");
    }

    fn cases_hold(&self, block: &Block<'_>, place: &str) {
        let said = failing(&self.policies, block.text);
        assert!(said.is_empty(), "{place}:\n{said}");
        let cases = read(folder(&[("tests/guide.toml", block.text)])).cases;
        assert!(!cases.is_empty(), "{place} has no case");
    }

    fn wrong_cases(&self, block: &Block<'_>, place: &str) -> String {
        let home = home_with(&[
            ("policies/support.kith", &self.policies),
            ("tests/support.toml", block.text),
        ]);
        let said = home.run("policy test definitions");
        assert_eq!(said.code, 2, "{place} is not wrong");
        said.out + &said.err
    }

    fn console(&mut self, block: &Block<'_>, asker: Option<&str>, place: &str) {
        let mut out = String::new();
        for line in block.text.lines().filter(|line| line.starts_with("$ ")) {
            let Some(command) = line.strip_prefix("$ kith ") else {
                panic!("{place}: `{line}` runs something else than `kith`");
            };
            let demo = self.demo.get_or_insert_with(demo);
            let said = match asker {
                None => demo.run(command),
                Some(name) => {
                    let key = demo.json(&format!("keys create --member {name}"));
                    let key = key["key"].as_str().unwrap().to_owned();
                    demo.run_with("KITH_KEY", &key, command)
                }
            };
            out.push_str(&format!("{line}\n{}{}", said.out, said.err));
        }
        assert!(!out.is_empty(), "{place} runs nothing");
        let shown: String = without_entry_ids(&out)
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        self.rewrites.push((block.range.clone(), shown));
    }

    fn tables(&mut self, guide: &Guide<'_>) {
        for table in &guide.tables {
            let place = format!("{}:{}", guide.path, table.line);
            match table.kind {
                TableKind::Made(name) => {
                    let text = made::table(name)
                        .unwrap_or_else(|| panic!("{place}: no table is called `{name}`"));
                    self.rewrites.push((table.range.clone(), text));
                }
                TableKind::Outcomes(base) => {
                    for (statements, case) in blocks::outcomes(table.text, base, &place) {
                        let said = failing(&statements, &case);
                        assert!(said.is_empty(), "{place}: {statements}\n{said}");
                    }
                }
            }
        }
    }

    /// The first part of the guide that is no longer what the product says.
    fn difference(&self, guide: &Guide<'_>) -> Option<String> {
        self.rewrites.iter().find_map(|(range, is)| {
            let was = &guide.text[range.clone()];
            let line = guide.text[..range.start].lines().count() + 1;
            (was != is).then(|| {
                format!(
                    "{}:{line} is no longer true. It says:\n{was}\nIt should say:\n{is}\n\
                     Run this test with `KITH_GUIDES=write` if that is right.",
                    guide.path
                )
            })
        })
    }
}

/// An audit entry's id is another in every run: `aud_…`.
fn without_entry_ids(text: &str) -> String {
    let mut parts = text.split("aud_");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("aud_…");
        shown.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    }
    shown
}

/// What `kith policy check` says of policies.
fn wrong_policies(block: &Block<'_>, place: &str) -> String {
    let home = home_with(&[("policies/support.kith", block.text)]);
    let said = home.run("policy check definitions");
    let warned = said.code == 0 && said.err.contains("warning");
    assert!(said.code == 2 || warned, "{place} is not wrong");
    said.err + &said.out
}

/// A folder with the demo's definitions, and a store that holds what the demo delivers.
fn demo() -> Home {
    let home = Home::new();
    for file in demo_files() {
        home.write(&format!("definitions/{}", file.path), &file.text);
    }
    home.ok("demo --once");
    home
}

/// The demo's catalog with other policies and cases.
fn home_with(files: &[(&str, &str)]) -> Home {
    let home = Home::new();
    for file in folder(files) {
        home.write(&format!("definitions/{}", file.path), &file.text);
    }
    home
}

/// The demo's catalog and cast, with these files.
fn folder(files: &[(&str, &str)]) -> Vec<SourceFile> {
    let is_catalog = |file: &SourceFile| {
        !file.path.starts_with("policies/") && !file.path.starts_with("tests/")
            || file.path == "tests/cast.toml"
    };
    let mut all: Vec<_> = demo_files().into_iter().filter(is_catalog).collect();
    all.extend(files.iter().map(|(path, text)| SourceFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    }));
    all
}

fn demo_files() -> Vec<SourceFile> {
    let root = repository().join("demo/definitions");
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            files.push(SourceFile {
                path: name.to_owned(),
                text: std::fs::read_to_string(&path).unwrap(),
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn read(files: Vec<SourceFile>) -> Definitions {
    let (definitions, _) = read_folder(files).unwrap_or_else(|found| panic!("{found:#?}"));
    definitions
}

/// What is said of cases under these policies; nothing if they hold.
fn failing(policies: &str, cases: &str) -> String {
    let definitions = read(folder(&[
        ("policies/guide.kith", policies),
        ("tests/guide.toml", cases),
    ]));
    let (policies, _) =
        kith_policy::check(&definitions).unwrap_or_else(|found| panic!("{found:#?}"));
    let report = suite::run(&policies, &definitions.cases);
    let found = report.diagnostics(&definitions.files);
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
