//! Every help page.

use std::fmt::Write as _;

use crate::home::Home;

const PAGES: &[&str] = &[
    "",
    "serve",
    "demo",
    "context",
    "policy",
    "policy check",
    "policy test",
    "policy lint",
    "policy diff",
    "policy format",
    "policy explain",
    "definitions",
    "definitions check",
    "definitions load",
    "keys",
    "keys create",
    "keys list",
    "keys revoke",
    "audit",
    "audit search",
    "audit checkpoint",
    "audit verify",
    "backup",
    "restore",
    "doctor",
    "workspaces",
    "workspaces create",
    "workspaces list",
    "members",
    "members add",
    "members list",
    "agents",
    "agents add",
    "agents list",
    "secrets",
    "secrets add",
    "secrets list",
    "secrets revoke",
    "people",
    "people erase",
    "people export",
    "people readmit",
    "people suggest",
    "sources",
    "sources add",
    "sources list",
    "sources pause",
    "sources resume",
    "sources secret",
    "sources remove",
];

#[test]
fn every_command_has_a_page_that_fits_a_terminal() {
    let home = Home::new();
    let mut pages = String::new();
    for page in PAGES {
        let text = home.ok(&format!("{page} --help"));
        let _ = writeln!(pages, "$ kith {page} --help\n{text}");
    }
    for line in pages.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    insta::assert_snapshot!(pages);
}

#[test]
fn no_page_is_forgotten() {
    let home = Home::new();
    for page in PAGES {
        let text = home.ok(&format!("{page} --help"));
        let commands = text
            .lines()
            .skip_while(|line| *line != "Commands:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help");
        for command in commands {
            let path = format!("{page} {command}");
            assert!(PAGES.contains(&path.trim()), "{path}");
        }
        let has_subcommands = text.contains("Commands:");
        assert!(has_subcommands || text.contains("Examples:"), "{page}");
    }
}

#[test]
fn wrong_arguments_end_with_code_2_and_say_what_to_do() {
    let home = Home::new();
    let check = |line: &str, expect: &str| {
        let err = home.fails(2, line);
        assert!(err.contains(expect), "kith {line}\n{err}");
    };
    check("", "Usage: kith");
    check("contxt", "a similar subcommand exists: 'context'");
    check("demoo", "similar subcommands exist: 'doctor', 'demo'");
    check(
        "keys create",
        "--member <MEMBER>|--agent <AGENT>|--source <SOURCE>",
    );
    check("keys create --member sam --source x", "cannot be used with");
    check(
        "keys create --source x --scope context",
        "cannot be used with",
    );
    check(
        "keys create --member sam --scope all",
        "expected one of context, onBehalfOf",
    );
    check(
        "agents add x --kind robot",
        "expected one of ai, api, automation",
    );
    check("context --key k", "--person <PERSON>");
    check(
        "context --key k --person p --purpose curiosity",
        "unknown purpose: expected one of `support.view`",
    );
    check("audit search --limit 0", "0 is not in 1..=1000");
}
