//! `kith policy lint`: what is well formed, and most likely not what was meant.

use std::path::Path;

use kith_domain::Diagnostic;
use kith_engine::read_definitions;
use kith_policy::lint::{Accepted, Report, lint};
use serde::Serialize;

use super::{definitions, folder};
use crate::failure::Failure;
use crate::output::{Output, count};

/// What machines get.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Linted<'a> {
    ok: bool,
    #[serde(flatten)]
    report: &'a Report,
}

pub(super) fn run(path: &Path, shows_accepted: bool, output: Output) -> Result<(), Failure> {
    let files = folder::read(path)?;
    let (read, policies, _) = read_definitions(files.clone())
        .map_err(|found| definitions::mistakes(&files, &found, output))?;
    let report = lint(&read, &policies);
    let found = report.findings.len();
    let linted = Linted {
        ok: found == 0,
        report: &report,
    };
    output.result(&linted, || {
        let mut parts = Vec::new();
        if found > 0 {
            parts.push(definitions::rendered(&files, &report.findings));
        }
        if shows_accepted && !report.accepted.is_empty() {
            let accepted: Vec<_> = report.accepted.iter().map(with_reason).collect();
            parts.push(definitions::rendered(&files, &accepted));
        }
        parts.push(summary(&report));
        parts.join("\n\n")
    })?;
    if found == 0 {
        return Ok(());
    }
    Err(Failure::found(format!(
        "{} that nobody accepted: mend it, or say in place why it is to stay",
        count(found, "finding"),
    )))
}

/// A finding with why it is to stay in the place of what to do.
fn with_reason(accepted: &Accepted) -> Diagnostic {
    let code = accepted.finding.code;
    let hint = format!("accepted as `{code}`: {}", accepted.reason);
    accepted.finding.clone().with_hint(hint)
}

/// How much there is, each lint by its name.
pub(super) fn summary(report: &Report) -> String {
    let mut text = match report.findings.len() {
        0 => "ok: nothing to point out".to_owned(),
        found => {
            let mut names: Vec<_> = report.findings.iter().map(|of| of.code).collect();
            names.sort_unstable();
            names.dedup();
            format!("{}: {}", count(found, "finding"), names.join(", "))
        }
    };
    match report.accepted.len() {
        0 => {}
        1 => text.push_str("; 1 accepted, with a reason"),
        accepted => text.push_str(&format!("; {accepted} accepted, with reasons")),
    }
    text
}
