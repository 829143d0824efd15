//! Each workspace: its log, its definitions, what waits in quarantine, and its keys.

use kith_domain::{Runtime, Timestamp};
use kith_engine::{Engine, EngineError, Health, KeyInfo, LogFault, LogReport, Workspace};

use super::Check;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::count;

const SECOND: i64 = 1_000_000;
/// A server folds within a second: what waits longer than this waits for one.
const FOLDED_WITHIN: i64 = 60 * SECOND;
/// How far clocks of one installation may differ.
const SKEW: i64 = 5 * SECOND;
/// A key that was not used for so long may as well be gone.
const IDLE: i64 = 30 * 24 * 3600 * SECOND;

pub(super) async fn look(
    engine: &Engine,
    config: &Config,
    runtime: &Runtime,
    checks: &mut Vec<Check>,
) -> Result<(), Failure> {
    let all = engine.workspaces().await?;
    if all.is_empty() {
        checks.push(Check::warning(
            "workspaces",
            "there is none",
            "`kith workspaces create NAME`",
        ));
    }
    let kept = config.audit_checkpoints.file.as_deref();
    let kept = kept.and_then(|path| std::fs::read_to_string(path).ok());
    let kept = kept.filter(|text| !text.is_empty());
    let now = runtime.now();
    for Workspace { id, name, .. } in all {
        let health = engine.health(id).await?;
        let report = engine.check_audit_log(id, kept.as_deref()).await;
        let keys = engine.keys(id).await?;
        let mut found = vec![
            log(&report, kept.is_some()),
            folded(&health, now),
            clock(&health, now),
            definitions(&health),
            quarantine(&health),
        ];
        if let Ok(report) = &report {
            found.push(idle(&keys, report, now));
        }
        checks.extend(found.into_iter().map(|check| check.of(&name)));
    }
    Ok(())
}

fn log(report: &Result<LogReport, EngineError>, is_kept: bool) -> Check {
    const NAME: &str = "audit log";
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            let next = "put the key back, or the checkpoints that were kept: without them nothing can be proven";
            return Check::problem(NAME, error.to_string(), next);
        }
    };
    let elsewhere = |fault: &&LogFault| matches!(fault, LogFault::KeptOfOtherLog { .. });
    let undelivered = report.faults.iter().any(|fault| elsewhere(&fault));
    let mut faults = report.faults.iter().filter(|fault| !elsewhere(fault));
    if let Some(first) = faults.next() {
        let more = match faults.count() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let next = "keep the store as it is, and find out who could write to it: `kith audit verify` tells all of it";
        return Check::problem(NAME, format!("{first}{more}"), next);
    }
    let size = format!("{} entries, all as they were signed", report.size);
    if is_kept && undelivered && report.size > 0 {
        let next = "see in the server's log why it is not delivered";
        return Check::warning(NAME, format!("{size}; no checkpoint of it was kept"), next);
    }
    Check::ok(NAME, size)
}

fn folded(health: &Health, now: Timestamp) -> Check {
    const NAME: &str = "folding";
    let waiting = format!("{} not in the log's tree yet", entries(health.unfolded));
    match health.oldest_unfolded {
        Some(oldest) if now.micros() - oldest.micros() > FOLDED_WITHIN => Check::warning(
            NAME,
            format!("{waiting}, the oldest of {oldest}"),
            "a running `kith serve` folds within a second, and its log says why if it cannot; `kith audit checkpoint` folds at once",
        ),
        _ => Check::ok(NAME, waiting),
    }
}

fn entries(number: u64) -> String {
    match number {
        1 => "1 entry is".to_owned(),
        _ => format!("{number} entries are"),
    }
}

fn clock(health: &Health, now: Timestamp) -> Check {
    match health.newest_entry {
        Some(newest) if newest.micros() - now.micros() > SKEW => Check::problem(
            "clock",
            format!("the log's newest entry is of {newest}, and it is {now} now"),
            "set this machine's clock, and keep it by NTP",
        ),
        _ => Check::ok("clock", "no entry is of the future"),
    }
}

fn definitions(health: &Health) -> Check {
    const NAME: &str = "definitions";
    match &health.definitions {
        Ok(version) => Check::ok(NAME, format!("version {version} is in force")),
        Err(EngineError::NoDefinitions) => Check::problem(
            NAME,
            "none are published, so nothing is answered",
            "`kith definitions load FOLDER`",
        ),
        Err(error) => Check::problem(
            NAME,
            format!("the version in force cannot be read, so nothing is answered: {error}"),
            "publish a version that this Kith can read: `kith definitions check FOLDER`, then `load`",
        ),
    }
}

fn quarantine(health: &Health) -> Check {
    match health.in_quarantine {
        0 => Check::ok("quarantine", "empty"),
        open => Check::warning(
            "quarantine",
            format!("{open} refused and kept"),
            "mend the source, or catalogue what it delivers and publish that",
        ),
    }
}

/// Keys of members and agents, whose use is an entry of the log.
fn idle(keys: &[KeyInfo], report: &LogReport, now: Timestamp) -> Check {
    let live = keys.iter().filter(|key| key.revoked_at.is_none());
    // What waits to be folded may speak of any of them.
    let idle = live.clone().filter(|key| {
        let old = now.micros() - key.created_at.micros() > IDLE;
        let tells = report.waiting == 0 && matches!(key.kind, "member" | "agent");
        old && tells && !report.credentials.contains(&key.id.to_string())
    });
    let idle: Vec<_> = idle.map(|key| key.id.to_string()).collect();
    let revoked = keys.len() - live.count();
    let words = format!("{} live, {revoked} revoked", keys.len() - revoked);
    if idle.is_empty() {
        return Check::ok("keys", words);
    }
    let never = count(idle.len(), "key");
    Check::warning(
        "keys",
        format!(
            "{words}; {never} of 30 days and more never used: {}",
            idle.join(", ")
        ),
        "`kith keys revoke ID` for each that nobody needs",
    )
}
