//! Starting a cluster, once for all tests that run at the same time.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Cluster, PostgresError, random, run, watchdog};

/// How long a cluster may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Joins the cluster that runs, or starts one.
pub(super) async fn shared() -> Result<Cluster, PostgresError> {
    let uid = tempfile::tempfile()?.metadata()?.uid();
    let folder = std::env::temp_dir().join(format!("kith-test-postgres-{uid}"));
    create_folder(&folder)?;
    if fs::symlink_metadata(&folder)?.uid() != uid {
        return Err(PostgresError::new(format!(
            "`{}` belongs to someone else: remove it",
            folder.display()
        )));
    }
    // Only while nobody holds it may the watchdog end the cluster.
    let in_use = lock_file(&folder.join("users"))?;
    in_use.lock_shared()?;
    // Of tests that start together, one starts the cluster and the others wait.
    let starting = lock_file(&folder.join("starting"))?;
    starting.lock()?;
    let state = folder.join("url");
    let admin_url = match running(&state).await {
        Some(url) => url,
        None => {
            let home = folder.join(hex::encode(random::<4>()?));
            start(&home, &folder.join("users")).await?
        }
    };
    fs::write(&state, &admin_url)?;
    fs::set_permissions(&state, fs::Permissions::from_mode(0o600))?;
    Ok(Cluster {
        admin_url,
        _in_use: Some(Arc::new(in_use)),
    })
}

/// Starts a cluster that nobody else knows of.
pub(super) async fn private() -> Result<Cluster, PostgresError> {
    let home = tempfile::Builder::new()
        .prefix("kith-test-postgres-private-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()?
        .keep();
    let users = home.join("users");
    let in_use = lock_file(&users)?;
    in_use.lock_shared()?;
    Ok(Cluster {
        admin_url: start(&home, &users).await?,
        _in_use: Some(Arc::new(in_use)),
    })
}

/// Kills a process of a cluster that this module started.
pub(super) fn kill(pid: i32) -> Result<(), PostgresError> {
    let pid = pid.to_string();
    check("kill", &Command::new("kill").args(["-9", &pid]).output()?)
}

async fn running(state: &Path) -> Option<String> {
    let url = fs::read_to_string(state).ok()?;
    run(&url, &[]).await.ok()?;
    Some(url)
}

/// Starts a cluster in a folder of its own, which the watchdog removes once nobody holds `users`.
async fn start(home: &Path, users: &Path) -> Result<String, PostgresError> {
    let bin = programs()?;
    let account = account()?;
    create_folder(home)?;
    let password = hex::encode(random::<16>()?);
    let password_file = home.join("password");
    fs::write(&password_file, &password)?;
    if let Some(account) = &account {
        chown(home, Some(account.uid), Some(account.gid))?;
        chown(&password_file, Some(account.uid), Some(account.gid))?;
    }
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;

    // A collation that is not bytewise, so that a forgotten `COLLATE "C"` shows.
    let initdb = account_command(account.as_ref(), &bin.join("initdb"))
        .args(["--username=postgres", "--encoding=UTF8", "--locale=C"])
        .args(["--locale-provider=icu", "--icu-locale=en"])
        .args(["--auth=password", "--no-sync"])
        .arg(format!("--pwfile={}", password_file.display()))
        .arg(home.join("data"))
        .current_dir(home)
        .output()?;
    check("initdb", &initdb)?;

    let port = free_port()?;
    let mut server = account_command(account.as_ref(), &bin.join("postgres"));
    server
        .arg("-D")
        .arg(home.join("data"))
        .args(["-p", &port.to_string()])
        .arg("-k")
        .arg(home)
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "fsync=on"])
        .args(["-c", "max_connections=300"])
        .args(["-c", "shared_buffers=64MB"]);
    watchdog::spawn(&server, users, home)?;
    let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
    wait_until_ready(&url, home).await?;
    Ok(url)
}

async fn wait_until_ready(url: &str, home: &Path) -> Result<(), PostgresError> {
    let begun = Instant::now();
    loop {
        let Err(error) = run(url, &[]).await else {
            return Ok(());
        };
        if begun.elapsed() > START_TIMEOUT || !home.exists() {
            let log = fs::read_to_string(home.join("log")).unwrap_or_default();
            return Err(PostgresError::new(format!(
                "PostgreSQL did not start: {error}\n{log}"
            )));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The folder of `initdb` and `postgres`: in `PATH`, or where Debian keeps them.
fn programs() -> Result<PathBuf, PostgresError> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.path().join("bin"))
                .collect()
        })
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
        .ok_or_else(|| {
            PostgresError::new(
                "`initdb` and `postgres` are neither in PATH nor below /usr/lib/postgresql: \
                 run `cargo xtask test`, which installs them, or set KITH_TEST_POSTGRES_URL",
            )
        })
}

/// An account without privileges.
struct Account {
    uid: u32,
    gid: u32,
}

/// PostgreSQL refuses to run as root; then it runs as `postgres` or `nobody`.
fn account() -> Result<Option<Account>, PostgresError> {
    if tempfile::tempfile()?.metadata()?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| accounts.lines().find_map(|line| read_account(line, name)))
        .map(Some)
        .ok_or_else(|| {
            PostgresError::new("PostgreSQL cannot run as root, and there is no `nobody`")
        })
}

fn read_account(line: &str, name: &str) -> Option<Account> {
    let mut fields = line.split(':');
    (fields.next()? == name).then_some(())?;
    let _password = fields.next()?;
    Some(Account {
        uid: fields.next()?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

fn account_command(account: Option<&Account>, program: &Path) -> Command {
    let Some(Account { uid, gid }) = account else {
        return Command::new(program);
    };
    // Becomes the program, so its process id is the program's.
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={uid}"))
        .arg(format!("--regid={gid}"))
        .arg("--clear-groups")
        .arg(program);
    command
}

fn create_folder(folder: &Path) -> Result<(), PostgresError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)?;
    Ok(())
}

fn lock_file(path: &Path) -> Result<File, PostgresError> {
    Ok(File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?)
}

fn free_port() -> Result<u16, PostgresError> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn check(program: &str, output: &Output) -> Result<(), PostgresError> {
    if output.status.success() {
        return Ok(());
    }
    Err(PostgresError::new(format!(
        "`{program}` failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}
