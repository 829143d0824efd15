//! [`TestApp`]: the whole product on a throwaway store, behind its real HTTP server on loopback, with
//! a clock that only moves when told and randomness that is the same in every run.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure in here is a failed test, and says where"
)]

pub mod client;
pub mod definitions;
mod desk;
pub mod facts;
mod home;
pub mod logs;
mod runtime;
pub mod tokens;

use std::ops::Deref;
use std::sync::Arc;

use kith_domain::Runtime;
use kith_engine::{Engine, MasterKey};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use client::{Answer, Client, Source};
pub use definitions::Folder;
pub use desk::{Desk, Workspace};
pub use home::{Cell, Home, Store};
pub use runtime::{ManualClock, SeededEntropy};

/// The product on a store of its own, serving until this is dropped.
///
/// It has one workspace, `acme`, with the cast and the definitions of [`Workspace`] and
/// [`Folder::standard`]; every method of its [`Desk`] can be called on the app itself.
#[derive(Debug)]
pub struct TestApp {
    /// The app's time. It stands still unless a test moves it.
    pub clock: Arc<ManualClock>,
    runtime: Runtime,
    engine: Engine,
    desk: Desk,
    server: JoinHandle<()>,
    operators: JoinHandle<std::io::Result<()>>,
    operators_url: String,
    stop: Option<oneshot::Sender<()>>,
    // Last, so that the store is there for as long as anything uses it.
    home: Home,
}

impl TestApp {
    /// The app with the standard definitions.
    pub async fn start(store: Store) -> Self {
        Self::with_definitions(store, Folder::standard()).await
    }

    /// The app with these definitions.
    pub async fn with_definitions(store: Store, definitions: Folder) -> Self {
        let home = Home::fresh(store).await;
        let clock = Arc::new(ManualClock::default());
        let runtime = Runtime::new(
            Arc::clone(&clock) as _,
            Arc::new(SeededEntropy::of_this_test()),
        );
        let engine = Engine::open(home.url(), "test", runtime.clone())
            .await
            .unwrap();
        let key = MasterKey::from_hex(&"42".repeat(32)).unwrap();
        engine.set_master_key(Arc::new(key));
        let workspace = Workspace::create(&engine, "acme", definitions).await;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let app = kith_server::App::new(engine.clone(), runtime.now());
        let operators = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operators_url = format!("http://{}", operators.local_addr().unwrap());
        let operators = tokio::spawn(kith_server::serve_operators(operators, app.clone()));
        let server = tokio::spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            kith_server::serve(listener, app, stop).await.unwrap();
        });
        let desk = Desk::new(&url, workspace, Arc::clone(&clock));
        Self {
            clock,
            runtime,
            engine,
            desk,
            server,
            operators,
            operators_url,
            stop: Some(stop),
            home,
        }
    }

    /// The use cases that the server serves.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The app's clock and randomness.
    #[must_use]
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Someone without a credential at the operators' address.
    #[must_use]
    pub fn operator(&self) -> Client {
        self.desk.at(&self.operators_url).anonymous()
    }

    /// The store beneath, to look into or to break.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// A second workspace on the same server, with a cast of the same names.
    pub async fn workspace(&self, name: &str, definitions: Folder) -> Desk {
        let workspace = Workspace::create(&self.engine, name, definitions).await;
        Desk::new(self.desk.url(), workspace, Arc::clone(&self.clock))
    }

    /// Publishes the next version of the definitions.
    pub async fn publish(&self, definitions: Folder) {
        let (workspace, by) = (self.desk.id(), kith_engine::AuditActor::operator());
        self.engine
            .publish(workspace, by, definitions.into_files(), "")
            .await
            .unwrap();
    }
}

impl Deref for TestApp {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.server.abort();
        self.operators.abort();
    }
}
