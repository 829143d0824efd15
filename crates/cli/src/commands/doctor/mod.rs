//! `kith doctor`: what is wrong, and what to do about it. It changes nothing.

mod store;
mod workspaces;

use comfy_table::{Attribute, Cell, Color};
use kith_domain::Runtime;
use kith_engine::Engine;
use serde::Serialize;
use serde_json::json;

use crate::COMMAND_NODE;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Output, count, finish, fitted, heading};

/// How a matter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Ok,
    Warning,
    Problem,
}

/// One matter that was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    state: State,
    check: &'static str,
    /// In which workspace.
    #[serde(skip_serializing_if = "String::is_empty")]
    workspace: String,
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    next: String,
}

impl Check {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            state: State::Ok,
            check,
            workspace: String::new(),
            found: found.into(),
            next: String::new(),
        }
    }

    fn warning(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            next: next.into(),
            ..Self::ok(check, found)
        }
    }

    fn problem(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            state: State::Problem,
            ..Self::warning(check, found, next)
        }
    }

    fn of(mut self, workspace: &str) -> Self {
        workspace.clone_into(&mut self.workspace);
        self
    }
}

pub(super) async fn run(config: &Config, runtime: Runtime, output: Output) -> Result<(), Failure> {
    let mut checks = vec![listen(config)];
    // What cannot be opened as it is is not opened.
    if store::look(config, &mut checks).await {
        let log_key = config.audit_key_file.as_deref();
        let opened =
            Engine::open_with_log_key(&config.store, COMMAND_NODE, runtime.clone(), log_key).await;
        match opened {
            Ok(engine) => workspaces::look(&engine, config, &runtime, &mut checks).await?,
            Err(error) => checks.push(store::unreachable(&error.to_string())),
        }
    }
    output.result(&json!({ "checks": checks }), || table(&checks))?;
    let of = |state| checks.iter().filter(|check| check.state == state).count();
    match of(State::Problem) {
        0 => Ok(()),
        problems => Err(Failure::found(format!(
            "{} and {}: each says what to do",
            count(problems, "problem"),
            count(of(State::Warning), "warning")
        ))),
    }
}

fn listen(config: &Config) -> Check {
    let address = config.listen;
    if address.ip().is_loopback() {
        return Check::ok("address", format!("`{address}` is this machine's alone"));
    }
    Check::warning(
        "address",
        format!("other machines can reach `{address}`, and it speaks no TLS"),
        "put a proxy that speaks TLS in front of it, and let nothing else reach the port",
    )
}

fn table(checks: &[Check]) -> String {
    let mut table = fitted();
    table.set_header(["", "check", "found", "what to do"].map(heading));
    for check in checks {
        let (word, colour) = match check.state {
            State::Ok => ("ok", Color::DarkGreen),
            State::Warning => ("warning", Color::DarkYellow),
            State::Problem => ("problem", Color::DarkRed),
        };
        let name = match check.workspace.as_str() {
            "" => check.check.to_owned(),
            workspace => format!("{} of {workspace}", check.check),
        };
        let state = Cell::new(word).fg(colour).add_attribute(Attribute::Bold);
        let [name, found, next] = [&name, &check.found, &check.next].map(Cell::new);
        table.add_row([state, name, found, next]);
    }
    finish(table)
}
