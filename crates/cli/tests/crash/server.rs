//! The real `kith serve`, as a process of its own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kith_testkit::app::{ManualClock, Workspace};
use kith_testkit::{Desk, Home};
use tempfile::NamedTempFile;

/// Longest that a server may take to answer after it was started.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A real `kith serve`, killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    url: String,
    log: NamedTempFile,
}

impl Server {
    /// Starts it on a free port, and waits until it is ready.
    pub(crate) async fn start(home: &Home, level: &str) -> Self {
        let log = NamedTempFile::new().unwrap();
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_kith"))
            .arg("serve")
            .env("KITH_STORE_URL", home.setting())
            .env("KITH_LISTEN", free.to_string())
            .env("KITH_LOG", level)
            .stdout(Stdio::null())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            url: format!("http://{free}"),
            log,
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ready = async {
            loop {
                let answer = http.get(format!("{}/readyz", server.url)).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(START_LIMIT, ready)
            .await
            .unwrap_or_else(|_| panic!("the server does not become ready: {}", server.log()));
        server
    }

    /// The cast of a workspace, before this server.
    pub(crate) fn desk(&self, workspace: &Arc<Workspace>) -> Desk {
        let clock = Arc::new(ManualClock::default());
        Desk::new(&self.url, Arc::clone(workspace), clock)
    }

    /// The address of a route.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// SIGKILL: nothing of the process gets to say goodbye.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
