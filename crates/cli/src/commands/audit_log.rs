//! `kith audit checkpoint` and `kith audit verify`: what the audit log says of itself, and whether it
//! still is what it said.

use std::path::Path;

use kith_engine::{AuditActor, LogReport};
use serde_json::json;

use super::workspace;
use crate::Shell;
use crate::args::WorkspaceArg;
use crate::failure::Failure;
use crate::output::wrapped;

pub(super) async fn checkpoint(
    shell: &Shell,
    workspace: &WorkspaceArg,
    verifier: bool,
) -> Result<(), Failure> {
    let workspace = workspace::find(&shell.engine, workspace).await?;
    // Beside a server that runs there is hardly anything left to fold; without one there is.
    shell.engine.fold_audit_log(workspace.id).await?;
    let found = shell.engine.audit_checkpoint(workspace.id).await?;
    let found = found.ok_or_else(|| Failure::machine(NOT_FOLDED))?;
    shell.output.result(&found, || {
        if verifier {
            found.verifier.clone()
        } else {
            // The line that is printed ends with the note's own last line break.
            found.checkpoint.trim_end_matches('\n').to_owned()
        }
    })?;
    Ok(())
}

const NOT_FOLDED: &str = "the log is not folded yet, so there is no checkpoint: `kith serve` folds entries within a second, and `kith audit checkpoint` at once";

pub(super) async fn verify(
    shell: &Shell,
    workspace: &WorkspaceArg,
    checkpoint: Option<&Path>,
) -> Result<(), Failure> {
    let kept = match checkpoint {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Failure::input(format!("cannot read `{}`: {error}", path.display()))
        })?),
    };
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let by = AuditActor::operator();
    let report = shell
        .engine
        .verify_audit_log(workspace.id, by, kept.as_deref())
        .await?;
    if !report.faults.is_empty() {
        let faults = report.faults.iter().map(ToString::to_string);
        let told = faults.map(|fault| format!("\n{}", wrapped("  ", &fault)));
        let told = told.collect::<String>();
        let message = format!(
            "the audit log of `{}` is not what was signed:{told}",
            workspace.name
        );
        return Err(Failure::broken_log(message, json!(report)));
    }
    if report.is_unfolded() {
        return Err(Failure::machine(NOT_FOLDED));
    }
    shell.output.result(&report, || said(&report))?;
    Ok(())
}

fn said(report: &LogReport) -> String {
    let mut told = format!(
        "the log holds: {} entries, all as signed, in `{}`",
        report.size, report.origin
    );
    match report.kept {
        Some(kept) => told.push_str(&format!(
            "\nwhat was kept elsewhere speaks of the first {kept} of them"
        )),
        None => told.push_str(
            "\nheld against nothing that was kept elsewhere: give `--checkpoint FILE`, for whoever holds the key can sign a log anew",
        ),
    }
    if report.waiting > 0 {
        told.push_str(&format!("\nentries yet to be folded: {}", report.waiting));
    }
    told
}
