//! Definitions: reading and checking a folder, publishing it as the next version, and having the
//! current version and its plans at hand.

use std::sync::Arc;

use kith_domain::definitions::{MAX_FILE_BYTES, SourceFile, hash, read_folder};
use kith_domain::id::WorkspaceId;
use kith_domain::{Definitions, Diagnostic, Purpose};
use kith_policy::{Asker, Plan, Policies, suite};
use kith_store::definitions::DefinitionsRow;
use kith_store::{Tx, audit as audit_store, definitions as store};
use serde::Serialize;

use crate::Engine;
use crate::audit::{AuditActor, Entry};
use crate::error::EngineError;
use crate::index;

/// One version, read, checked and ready to decide by.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) hash: String,
    pub(crate) definitions: Definitions,
    pub(crate) policies: Policies,
}

/// A version that was just published.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// 1, 2, 3, …
    pub version: u64,
    /// SHA-256 of the files.
    pub hash: String,
    /// Whether the files are those of the version before, so that nothing was published.
    pub unchanged: bool,
    /// What is worth a look.
    pub warnings: Vec<Diagnostic>,
}

/// Definitions that were read, their policies, and what is worth a look.
pub type Checked = (Definitions, Policies, Vec<Diagnostic>);

/// Reads a definitions folder, policies included: enough to decide by.
///
/// # Errors
/// Every mistake in every file.
pub fn read(files: Vec<SourceFile>) -> Result<Checked, Vec<Diagnostic>> {
    let policies: Vec<_> = files
        .iter()
        .filter(|file| is_policy(file))
        .cloned()
        .collect();
    let (definitions, mut warnings) = read_folder(files).map_err(|mut found| {
        // Without a catalog policies cannot be checked; what cannot even be read is told at once.
        for SourceFile { path, text } in &policies {
            found.extend(kith_policy::parse(path, text).1);
        }
        found.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
        found
    })?;
    let (policies, more) = kith_policy::check(&definitions)?;
    warnings.extend(more);
    Ok((definitions, policies, warnings))
}

fn is_policy(file: &SourceFile) -> bool {
    file.path.ends_with(".kith") && file.text.len() <= MAX_FILE_BYTES
}

/// Reads a definitions folder and runs its cases: what must hold before it is published.
///
/// # Errors
/// Every mistake in every file; if there is none, every case that fails.
pub fn check(files: Vec<SourceFile>) -> Result<Checked, Vec<Diagnostic>> {
    let (definitions, policies, mut warnings) = read(files)?;
    let report = suite::run(&policies, &definitions.cases);
    let failed = report.diagnostics(&definitions.files);
    if failed.is_empty() {
        return Ok((definitions, policies, warnings));
    }
    warnings.extend(failed);
    Err(warnings)
}

impl Engine {
    /// Publishes a definitions folder as the workspace's next version, in one step: it is whole, or
    /// it is not there. The same files again publish nothing.
    ///
    /// # Errors
    /// [`EngineError::Definitions`] with every mistake, or [`EngineError::Conflict`] if someone else
    /// published in between.
    pub async fn publish(
        &self,
        workspace: WorkspaceId,
        author: AuditActor,
        files: Vec<SourceFile>,
        message: &str,
    ) -> Result<Published, EngineError> {
        let (definitions, _, warnings) = check(files).map_err(EngineError::Definitions)?;
        let hash = hash(&definitions.files);
        let now = self.runtime().now();
        let mut entry = Entry::new(
            self.runtime(),
            workspace,
            author,
            "definitions.publish",
            Purpose::PolicyEdit,
        );
        let message = message.to_owned();
        let written = hash.clone();
        let (version, unchanged) = self
            .db()
            .write(workspace, move |tx| {
                Box::pin(async move {
                    let latest = store::latest(tx, workspace).await?;
                    if let Some(latest) = latest.as_ref().filter(|latest| latest.hash == written) {
                        return Ok::<_, EngineError>((latest.version, true));
                    }
                    if let Some(latest) = latest.as_ref() {
                        keeps_types(&latest.files, &definitions)?;
                    }
                    let version = latest.map_or(0, |latest| latest.version) + 1;
                    entry.definitions_version = version;
                    entry.definitions_hash.clone_from(&written);
                    let author = entry.actor.principal();
                    index::follow(tx, workspace, &definitions.catalog).await?;
                    let row = DefinitionsRow {
                        version,
                        hash: written,
                        files: definitions.files,
                        author,
                        message,
                        created_at: now,
                    };
                    store::publish(tx, workspace, &row).await?;
                    audit_store::append_in(tx, &entry.freeze()?).await?;
                    Ok((version, false))
                })
            })
            .await?;
        // The version is in force; lists are only slower until this is done.
        self.complete_index(workspace).await?;
        Ok(Published {
            version,
            hash,
            unchanged,
            warnings,
        })
    }

    /// The current version, as this snapshot sees it.
    pub(crate) async fn version(
        &self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
    ) -> Result<Arc<Version>, EngineError> {
        let number = store::latest_version(tx, workspace).await?;
        if number == 0 {
            return Err(EngineError::NoDefinitions);
        }
        if let Some(version) = self.0.versions.get(&(workspace, number)) {
            return Ok(version);
        }
        let row = store::get(tx, workspace, number)
            .await?
            .ok_or(EngineError::NoDefinitions)?;
        // Only checked definitions are published. If a newer Kith cannot read what an older one
        // published, nothing is decided at all: less access, never more.
        let (definitions, policies, _) = read(row.files).map_err(EngineError::Definitions)?;
        let version = Arc::new(Version {
            number,
            hash: row.hash,
            definitions,
            policies,
        });
        self.0
            .versions
            .insert((workspace, number), Arc::clone(&version));
        self.0.plans.drop_before(workspace, number);
        Ok(version)
    }

    /// The plan of an asker under a version.
    pub(crate) fn plan(&self, workspace: WorkspaceId, version: &Version, asker: Asker) -> Plan {
        self.0.plans.get(workspace, version, asker)
    }
}

/// A stored value is only read as the type it was written in, so a field keeps its type for life.
fn keeps_types(before: &[SourceFile], after: &Definitions) -> Result<(), EngineError> {
    let Ok((before, _)) = read_folder(before.to_vec()) else {
        return Ok(());
    };
    let changed = after.catalog.fields().iter().find(|field| {
        let old = before
            .catalog
            .find(field.path.as_str())
            .and_then(|idx| before.catalog.get(idx));
        old.is_some_and(|old| old.ty.name() != field.ty.name())
    });
    match changed {
        None => Ok(()),
        Some(field) => Err(EngineError::invalid(
            field.path.to_string(),
            "a field keeps its type: deprecate it and add a field with another name",
        )),
    }
}

#[cfg(test)]
#[path = "definitions_tests.rs"]
mod tests;
