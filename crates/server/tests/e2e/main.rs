//! The product's promises, each kept on both stores, through the real HTTP server.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod access;
mod account;
mod account_in_browser;
mod account_page;
mod accounts;
mod around;
mod as_of;
mod audit;
mod audit_log;
mod bad_input;
mod bulk;
mod clients;
mod conversations;
mod decisions;
mod erasure;
mod identity;
mod isolation;
mod journey;
mod leaks;
mod merging;
mod metrics;
mod openapi;
mod pages;
mod quota;
mod records;
mod repeats;
mod roots;
mod schemathesis;
mod search;
mod signed_identity;
mod sources;
mod writes;

/// Makes two tests of each promise, one for each store.
macro_rules! promises {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(kith_testkit::Store::Sqlite).await;
                }
            )*
        }

        mod on_postgres {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(kith_testkit::Store::Postgres).await;
                }
            )*
        }
    };
}

pub(crate) use promises;
