//! `kith demo`: one customer as three askers see them, from real messages through the real doors.

mod asks;
mod desk;
mod feed;
mod files;
mod history;
mod report;
mod setup;
mod table;

use self::report::Report;
use super::serve;
use crate::Shell;
use crate::failure::Failure;

/// On the keys of runs that go on serving, and of those that end at once.
const TAGS: [&str; 2] = ["kith demo", "kith demo --once"];

pub(super) async fn run(shell: &Shell, once: bool) -> Result<(), Failure> {
    // A taken port is told before anything else is done.
    let listener = if once {
        None
    } else {
        Some(serve::listen(shell.config.listen).await?)
    };
    let [serving, at_once] = TAGS;
    let demo = setup::set_up(shell, if once { at_once } else { serving }).await?;
    let start = demo.workspace.created_at;
    let report = Report {
        fed: feed::feed(&shell.engine, shell.output, &demo.write_keys, start).await?,
        age_seconds: shell.runtime.now().micros_since(start) / 1_000_000,
        views: asks::views(&shell.engine, &demo).await?,
        refusals: asks::refusals(&shell.engine, &demo).await?,
        demo: &demo,
    };
    match listener {
        None => {
            // Nobody is told these keys.
            demo.end(&shell.engine).await?;
            shell.output.result(&report.json(), || report.text())?;
            Ok(())
        }
        Some(listener) => {
            let url = serve::url(&listener)?;
            let told = report.json_with_keys(&url);
            shell.output.result(&told, || {
                format!("{}\n{}", report.text(), report.invitation(&url))
            })?;
            serve::serve(shell, listener).await
        }
    }
}
