//! The real `kith serve`, as a process of its own.

use std::error::Error;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kith_store::StoreUrl;

use crate::load::{ask, request};

/// How often a server that starts is asked whether it is ready.
const EVERY: Duration = Duration::from_micros(500);
/// Longest that a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A running server. It is killed when nobody needs it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Served {
    /// Starts one on a store; also how long it took until it was ready. What it logs goes into a file of the
    /// folder that it runs in.
    pub(crate) fn start(store: &StoreUrl, folder: &Path) -> Result<(Self, Duration)> {
        let program = std::env::current_exe()?.with_file_name("kith");
        if !program.exists() {
            return Err(
                "there is no `kith` beside this program: `cargo xtask bench` builds both".into(),
            );
        }
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program);
        command
            .arg("serve")
            .current_dir(folder)
            // Settings of whoever runs this are none of the bench's.
            .env_clear()
            .env("KITH_STORE_URL", store.to_string())
            .env("KITH_LISTEN", address.to_string())
            .env("KITH_METRICS_LISTEN", "off")
            .env("KITH_RATE_LIMIT", "off")
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("serve.log"))?);
        let begun = Instant::now();
        let mut served = Self {
            address,
            process: command.spawn()?,
        };
        let ready = request("GET", "/readyz", &[], b"");
        while ask(address, &ready).is_err() {
            if served.process.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(folder.join("serve.log"))?;
                return Err(format!("the server does not become ready: {log}").into());
            }
            thread::sleep(EVERY);
        }
        Ok((served, begun.elapsed()))
    }

    /// Memory that it holds at present, in bytes; `None` where no `/proc` tells.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.process.id());
        resident_bytes(&std::fs::read_to_string(path).ok()?)
    }

    /// SIGKILL: nothing of the process gets to say goodbye.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// SIGTERM: it ends as it does for an operator.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = self.process.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status()?;
        let begun = Instant::now();
        while self.process.try_wait()?.is_none() {
            if !told.success() || begun.elapsed() > PATIENCE {
                return Err("the server does not stop".into());
            }
            thread::sleep(EVERY);
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `VmRSS:     43210 kB`.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_as_linux_tells_it() {
        let status = "Name:\tkith\nVmPeak:\t  999 kB\nVmRSS:\t   43210 kB\nThreads:\t7\n";
        assert_eq!(resident_bytes(status), Some(43_210 * 1_024));
        assert_eq!(resident_bytes("Name:\tkith\n"), None);
    }
}
