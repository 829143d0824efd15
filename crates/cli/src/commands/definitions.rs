//! `kith definitions`: checking a folder, publishing it.

use std::path::Path;

use kith_domain::definitions::SourceFile;
use kith_domain::{Diagnostic, Severity};
use kith_engine::{AuditActor, EngineError, check_definitions};
use serde::Serialize;

use super::{folder, workspace};
use crate::Shell;
use crate::args::WorkspaceArg;
use crate::failure::Failure;
use crate::output::{Output, complain, count, findings};

/// What a check found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    ok: bool,
    errors: usize,
    warnings: usize,
    findings: &'a [Diagnostic],
}

/// Checks a folder.
pub(crate) fn check(folder: &Path, output: Output) -> Result<(), Failure> {
    let files = folder::read(folder)?;
    let (definitions, policies, warnings) = match check_definitions(files.clone()) {
        Ok(checked) => checked,
        Err(found) => return Err(mistakes(&files, &found, output)),
    };
    print(&files, &warnings, output);
    output.result(&Checked::new(&warnings), || {
        let fields = count(definitions.catalog.fields().len(), "field");
        let statements = count(policies.statements().len(), "statement");
        let warnings = count(warnings.len(), "warning");
        format!("ok: {fields}, {statements}, {warnings}")
    })?;
    Ok(())
}

/// Publishes a folder.
pub(super) async fn load(
    shell: &Shell,
    folder: &Path,
    workspace: &WorkspaceArg,
    message: &str,
) -> Result<(), Failure> {
    let files = folder::read(folder)?;
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let published = shell
        .engine
        .publish(workspace.id, AuditActor::operator(), files.clone(), message)
        .await;
    let published = match published {
        Err(EngineError::Definitions(found)) => {
            return Err(mistakes(&files, &found, shell.output));
        }
        other => other?,
    };
    print(&files, &published.warnings, shell.output);
    shell.output.result(&published, || {
        let (name, version) = (&workspace.name, published.version);
        if published.unchanged {
            format!("`{name}` has these definitions already, as version {version}")
        } else {
            format!("published version {version} of `{name}`")
        }
    })?;
    Ok(())
}

impl<'a> Checked<'a> {
    fn new(findings: &'a [Diagnostic]) -> Self {
        let errors = findings
            .iter()
            .filter(|found| found.severity == Severity::Error);
        let errors = errors.count();
        Self {
            ok: errors == 0,
            errors,
            warnings: findings.len() - errors,
            findings,
        }
    }
}

/// Shows what was found, each with its place.
fn print(files: &[SourceFile], found: &[Diagnostic], output: Output) {
    if output.json || found.is_empty() {
        return;
    }
    complain(&rendered(files, found));
    complain("");
}

/// What was found, each with its place in the files.
pub(super) fn rendered(files: &[SourceFile], found: &[Diagnostic]) -> String {
    findings(found, |path| {
        let file = files.iter().find(|file| file.path == path);
        file.map_or("", |file| file.text.as_str())
    })
}

/// Shows the mistakes; the failure says how many there are.
pub(super) fn mistakes(files: &[SourceFile], found: &[Diagnostic], output: Output) -> Failure {
    print(files, found, output);
    let checked = Checked::new(found);
    let mut places: Vec<_> = found.iter().map(|finding| &finding.file).collect();
    places.sort_unstable();
    places.dedup();
    let failure = Failure::input(format!(
        "{} in {}: nothing can be published until they are mended",
        count(checked.errors, "mistake"),
        count(places.len(), "file"),
    ));
    if output.json {
        return match output.result(&checked, String::new) {
            Ok(()) => failure,
            Err(error) => error.into(),
        };
    }
    failure
}
