//! The store as it stands: there, of this Kith's schema, safe from others, and with room to grow.

use std::path::{Path, PathBuf};

use kith_store::inspect::{self, Schema};
use kith_store::{StoreError, StoreUrl};

use super::Check;
use crate::config::Config;

/// The oldest PostgreSQL that Kith is run on.
const POSTGRES_VERSION: i32 = 140_000;
#[cfg(unix)]
const MIB: u64 = 1024 * 1024;
/// Free space below which it is urgent, and below which it is worth a thought.
#[cfg(unix)]
const LEAST_MIB: u64 = 256;
#[cfg(unix)]
const LOW_MIB: u64 = 2048;
/// What a file or folder opens to others than its owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Looks at it from outside; whether it can be opened as it is.
pub(super) async fn look(config: &Config, checks: &mut Vec<Check>) -> bool {
    let found = match inspect::schema(&config.store).await {
        Ok(found) => found,
        Err(error) => {
            checks.push(unreachable(&error.to_string()));
            return false;
        }
    };
    let (check, fit) = schema(&config.store, &found);
    checks.push(check);
    if found.is_empty() {
        return false;
    }
    match (&config.store, inspect::server(&config.store).await) {
        (StoreUrl::Sqlite(folder), _) => files(folder, checks),
        (StoreUrl::Postgres(_), Ok(Some(found))) => server(&found, checks),
        (StoreUrl::Postgres(_), Ok(None)) => {}
        (StoreUrl::Postgres(_), Err(error)) => checks.push(unreachable(&error.to_string())),
    }
    key(config, checks);
    fit
}

/// The store does not answer.
pub(super) fn unreachable(error: &str) -> Check {
    Check::problem(
        "store",
        format!("it cannot be opened: {error}"),
        "check `KITH_STORE_URL`, that what it names is there and runs, and that this user may open it",
    )
}

fn schema(url: &StoreUrl, found: &[Schema]) -> (Check, bool) {
    if found.is_empty() {
        let next =
            "name another one with `KITH_STORE_URL`, or make it: `kith workspaces create NAME`";
        return (
            Check::problem("store", format!("there is none at `{url}` yet"), next),
            false,
        );
    }
    for Schema {
        database,
        found,
        known,
    } in found
    {
        if found > known {
            let error = StoreError::NewerSchema {
                found: *found,
                known: *known,
            };
            return (
                Check::problem(
                    "store",
                    format!("`{database}`: {error}"),
                    "run a newer Kith",
                ),
                false,
            );
        }
        if found < known {
            let check = Check::warning(
                "store",
                format!(
                    "`{database}` has schema version {found} of an older Kith, and this one works with {known}; the rest was not looked at"
                ),
                "back it up with the Kith that wrote it; `kith serve` then upgrades it",
            );
            return (check, false);
        }
    }
    let versions = found.iter().map(|schema| schema.found.to_string());
    let versions = versions.collect::<Vec<_>>().join(" and ");
    (
        Check::ok(
            "store",
            format!("`{url}` answers, with schema version {versions}"),
        ),
        true,
    )
}

fn server(found: &inspect::Server, checks: &mut Vec<Check>) {
    let version = format!("PostgreSQL {}", found.version / 10_000);
    checks.push(if found.version < POSTGRES_VERSION {
        Check::warning(
            "server",
            format!("{version} is older than any that Kith is tested on"),
            "upgrade it",
        )
    } else {
        Check::ok("server", version)
    });
    checks.push(if found.role_is_unbound {
        Check::problem(
            "row level security",
            "Kith's role is a superuser or has BYPASSRLS, so no row is bound to its workspace",
            "connect as an ordinary role that owns the database",
        )
    } else if found.unbound_tables.is_empty() {
        Check::ok("row level security", "in force on every table")
    } else {
        Check::problem(
            "row level security",
            format!("not in force on {}", found.unbound_tables.join(", ")),
            "for each: `ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`, and find out who lifted it",
        )
    });
}

#[cfg(unix)]
fn files(folder: &Path, checks: &mut Vec<Check>) {
    use std::os::unix::fs::MetadataExt as _;

    let open = ["", "kith.db", "audit.db"].into_iter().filter(|name| {
        let found = std::fs::metadata(folder.join(name));
        // Files in a folder that is closed to others are closed to them too.
        found.is_ok_and(|found| found.mode() & OTHERS != 0)
    });
    let open: Vec<_> = open.collect();
    let writable = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.join("kith.db"));
    checks.push(match (writable, open.first()) {
        (Err(error), _) => Check::problem(
            "data folder",
            format!(
                "this user cannot write `{}`: {}",
                folder.join("kith.db").display(),
                error.kind()
            ),
            "run Kith as the user that the folder belongs to",
        ),
        (Ok(_), Some(&"")) => Check::warning(
            "data folder",
            format!(
                "other users of this machine can open `{}`",
                folder.display()
            ),
            format!("`chmod 700 {}`", folder.display()),
        ),
        (Ok(_), _) => Check::ok("data folder", "this user's alone"),
    });
    checks.push(match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize) / MIB;
            let next = "make room, or move the store to a larger disk: when it is full, nothing is taken in and nothing answered";
            let words = format!("{free} MiB free");
            match free {
                ..LEAST_MIB => Check::problem("disk", words, next),
                LEAST_MIB..LOW_MIB => Check::warning("disk", words, next),
                _ => Check::ok("disk", words),
            }
        }
        Err(error) => Check::warning("disk", format!("its free space is not known: {error}"), "look yourself"),
    });
}

#[cfg(not(unix))]
fn files(_: &Path, _: &mut Vec<Check>) {}

/// The file of the log's key. Whether it is the key that signed is for the log itself to show.
fn key(config: &Config, checks: &mut Vec<Check>) {
    const NAME: &str = "audit key";
    let path: PathBuf = match (&config.audit_key_file, &config.store) {
        (Some(path), _) => path.clone(),
        (None, StoreUrl::Sqlite(folder)) => folder.join("audit.key"),
        (None, StoreUrl::Postgres(_)) => return checks.push(Check::ok(NAME, "in the database")),
    };
    let shown = path.display();
    checks.push(match std::fs::read_to_string(&path) {
        Ok(_) if open_to_others(&path) => Check::problem(
            NAME,
            format!("other users of this machine can read `{shown}`, and sign the log with it"),
            format!("`chmod 600 {shown}`"),
        ),
        Ok(text)
            if text.trim_ascii().len() == 64
                && text.trim_ascii().bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            Check::ok(NAME, format!("`{shown}`, this user's alone"))
        }
        Ok(_) => Check::problem(
            NAME,
            format!("`{shown}` is no key: expected 64 hexadecimal digits"),
            "put the key back from a backup: with another one the log cannot go on",
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Check::ok(NAME, "made when the first entry is folded")
        }
        Err(error) => Check::problem(
            NAME,
            format!("`{shown}` cannot be read: {}", error.kind()),
            "let this user read it, or name the right file with `KITH_AUDIT_KEY_FILE`",
        ),
    });
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    std::fs::metadata(path).is_ok_and(|found| found.mode() & OTHERS != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> bool {
    false
}
