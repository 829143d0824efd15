//! `kith policy test`: runs the cases beside the policies, and says what they leave out.

use std::fmt::Write as _;
use std::path::Path;

use kith_engine::read_definitions;
use kith_policy::suite::{self, CaseResult, ClauseCoverage, Report, StatementCoverage};
use serde::Serialize;

use super::{definitions, folder};
use crate::failure::Failure;
use crate::output::{Output, count, wrapped};

/// What machines get.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tested<'a> {
    ok: bool,
    cases: usize,
    failed: usize,
    report: &'a Report,
}

pub(super) fn run(path: &Path, output: Output) -> Result<(), Failure> {
    let files = folder::read(path)?;
    let (read, policies, _) = read_definitions(files.clone())
        .map_err(|found| definitions::mistakes(&files, &found, output))?;
    let report = suite::run(&policies, &read.cases);
    let failed = report.failed().count();
    let tested = Tested {
        ok: failed == 0,
        cases: report.cases.len(),
        failed,
        report: &report,
    };
    output.result(&tested, || text(&report))?;
    if failed == 0 {
        return Ok(());
    }
    let fails = if failed == 1 { "fails" } else { "fail" };
    Err(Failure::input(format!(
        "{} of {} {fails}: nothing can be published until they hold",
        failed,
        count(report.cases.len(), "case"),
    )))
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut file = "";
    let mut cases = report.cases.as_slice();
    while let Some(first) = cases.first() {
        if first.file != file {
            file = &first.file;
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{file}");
        }
        // A case with several askers or purposes is one promise.
        let same = |case: &&CaseResult| case.file == first.file && case.line == first.line;
        let requests = cases.iter().take_while(same).count();
        let (of_case, rest) = cases.split_at(requests);
        text.push_str(&promise(of_case));
        cases = rest;
    }
    if report.cases.is_empty() {
        text.push_str("there are no cases yet: write the first one in `tests/first.toml`\n");
    }
    text.push('\n');
    text.push_str(&coverage(&report.statements));
    text
}

/// One promise, and what was otherwise.
fn promise(requests: &[CaseResult]) -> String {
    let mut text = String::new();
    let failed: Vec<_> = requests
        .iter()
        .filter(|case| !case.failures.is_empty())
        .collect();
    let mark = if failed.is_empty() { "✓" } else { "✗" };
    let name = requests.first().map_or("", |case| &case.name);
    let several = if requests.len() > 1 {
        format!(" ({} requests)", requests.len())
    } else {
        String::new()
    };
    let _ = writeln!(text, "  {mark} {name}{several}");
    for case in failed {
        for failure in &case.failures {
            let at = format!("line {}: {}", case.line, case.words(failure));
            let _ = writeln!(text, "{}", wrapped("      ", &at));
            for because in &failure.because {
                let _ = writeln!(text, "{}", wrapped("        ", &because.in_short()));
                let lines = because.statement.iter().flat_map(|of| of.text.lines());
                for line in lines {
                    let _ = writeln!(text, "          | {line}");
                }
            }
        }
    }
    text
}

/// What the cases leave out, statement by statement.
fn coverage(statements: &[StatementCoverage]) -> String {
    let complete = statements.iter().filter(|of| of.is_complete()).count();
    let mut text = format!(
        "coverage: {complete} of {} seen both applying and not",
        count(statements.len(), "statement")
    );
    for statement in statements.iter().filter(|of| !of.is_complete()) {
        let first = statement.text.lines().next().unwrap_or("");
        let (file, line) = (&statement.file, statement.line);
        let _ = write!(text, "\n  {file}:{line}  {first}\n");
        let missing = missing(statement).join(", ");
        text.push_str(&wrapped("      ", &missing));
    }
    text
}

fn missing(statement: &StatementCoverage) -> Vec<String> {
    let mut missing = Vec::new();
    match (statement.applied, statement.not_applied) {
        (0, 0) => return vec!["never asked".to_owned()],
        (0, _) => missing.push("never applies".to_owned()),
        (_, 0) if !statement.clauses.is_empty() => missing.push("always applies".to_owned()),
        _ => {}
    }
    for clause in statement.clauses.iter().filter(|of| !of.is_complete()) {
        let ClauseCoverage { clause, holds, .. } = clause;
        let never = if *holds == 0 { "true" } else { "false" };
        missing.push(format!("`{clause}` is never {never}"));
    }
    missing
}

#[cfg(test)]
mod tests {
    use kith_domain::definitions::SourceFile;

    use super::*;

    #[test]
    fn a_report_shows_what_fails_what_decided_and_what_is_left_out() {
        let file = |(path, text): (&str, &str)| SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let files = [
            ("workspace.toml", "edition = 2026"),
            (
                "policies/a.kith",
                "allow support.view when user.role == \"support\"\nforbid support.view when user.role == \"intern\"\nallow audit.view",
            ),
            (
                "tests/a.toml",
                "[members.sam]\nroles = [\"support\"]\n[members.ina]\nroles = [\"support\", \"intern\"]\n\
                 [[case]]\nname = \"support looks\"\nactor = [\"sam\", \"ina\"]\npurpose = \"support.view\"\nexpect = \"allowed\"\n\
                 [[case]]\nname = \"nobody replies\"\nactor = [\"sam\", \"ina\"]\npurpose = \"support.reply\"\nexpect = \"refused\"\n",
            ),
        ];
        let (definitions, policies, _) =
            read_definitions(files.into_iter().map(file).collect()).unwrap();
        let report = suite::run(&policies, &definitions.cases);
        insta::assert_snapshot!(text(&report));
    }
}
