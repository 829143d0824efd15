//! The watchdog: a small shell process that holds the server and ends it, by its own process id, once
//! no test has held the lock on `users` for a while. The kernel releases the locks of tests that were
//! killed, so no cluster is left behind.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::PostgresError;

/// Seconds without a test after which the cluster ends.
const IDLE_SECONDS: u32 = 15;

/// Arguments: the lock, the cluster's folder, seconds of idleness, then the server's command.
const SCRIPT: &str = r#"
users=$1 home=$2 patience=$3
shift 3
"$@" >"$home/log" 2>&1 &
server=$!
exec 9>>"$users"
idle=0
while kill -0 "$server" 2>/dev/null && [ "$idle" -lt "$patience" ]; do
    sleep 1
    if flock --nonblock 9; then
        idle=$((idle + 1))
        # Kept after the last round, so that nobody joins a cluster that is ending.
        [ "$idle" -lt "$patience" ] && flock --unlock 9
    else
        idle=0
    fi
done
kill -INT "$server" 2>/dev/null
wait "$server"
rm -rf "$home"
"#;

pub(super) fn spawn(server: &Command, users: &Path, home: &Path) -> Result<(), PostgresError> {
    Command::new("sh")
        .args(["-c", SCRIPT, "watchdog"])
        .arg(users)
        .arg(home)
        .arg(IDLE_SECONDS.to_string())
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Not ended together with the tests by an interrupt of the terminal.
        .process_group(0)
        .spawn()?;
    Ok(())
}
