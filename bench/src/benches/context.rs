//! The governed context of a customer over HTTP: authenticated, decided, audited and fsynced. Its
//! control reads the same rows in the same process and sends them as they are.

mod raw;

use std::thread;
use std::time::Duration;

use kith_store::StoreUrl;

use super::{Bench, Context, Lines, progress};
use crate::customers::{Customers, user_ids};
use crate::kith::Kith;
use crate::load::{Load, LoadError, Outcome, Pace, request};
use crate::report::{Line, Quantity};

pub(crate) const BENCH: Bench = Bench {
    name: "context",
    about: "governed context at 2,000 requests/s, half of it for people and half for AI drafts",
    run,
};

const CUSTOMERS: Customers = Customers {
    accounts: 200,
    people: 1_000,
};
/// Messages of usual traffic before anything is measured: about 25 events a person.
const HISTORY: u64 = 30_000;
const BATCH: u64 = 100;
const RATE: f64 = 2_000.0;
/// Half of what ingest must be able to take.
const HALF_INGEST: f64 = 10_000.0;
const MAX_P99: Duration = Duration::from_millis(5);

fn run(context: &Context<'_>) -> Lines {
    let folder = context.data.join("context");
    let kith = Kith::start(&StoreUrl::sqlite(&folder))?;
    progress("200 accounts, 1,000 people and 30,000 messages come in");
    feed(&kith)?;
    let raw = raw::serve(&kith, &folder)?;

    let ids = user_ids(0..CUSTOMERS.people);
    let requests: Vec<Vec<u8>> = ids
        .iter()
        .flat_map(|id| [kith.view(id), kith.draft(id)])
        .collect();
    let raw_requests: Vec<Vec<u8>> = ids
        .iter()
        .map(|id| request("GET", &format!("/{id}"), &[], b""))
        .collect();
    let steady = Load {
        server: kith.address,
        connections: 16,
        pace: Pace::PerSecond(RATE),
        warm_up: Duration::from_secs(1),
        duration: Duration::from_secs(6),
    };
    let flat_out = Load {
        pace: Pace::Max,
        duration: Duration::from_secs(2),
        ..steady
    };

    progress("governed, at 2,000 requests/s");
    let governed = steady.run(|index| pick(&requests, index))?;
    progress("without governance");
    let bare = Load {
        server: raw,
        ..steady
    }
    .run(|index| pick(&raw_requests, index))?;
    progress("both as fast as they can");
    let most = flat_out.run(|index| pick(&requests, index))?;
    let most_bare = Load {
        server: raw,
        ..flat_out
    }
    .run(|index| pick(&raw_requests, index))?;
    progress("governed, while 10,000 events/s come in");
    let (busy, events) = while_ingesting(&kith, &steady, |index| pick(&requests, index))?;

    let p50 = Duration::from_micros(600) + context.machine.fsync.mul_f64(1.5);
    let p50 = (Quantity::Time(p50), Some("0.6 ms + 1.5 × fsync"));
    let p99 = (Quantity::Time(MAX_P99), None);
    let line = |work: &str, outcome: &Outcome, percentile, (limit, formula)| {
        Line::new(work, Quantity::Time(outcome.latency(percentile)))
            .against(
                "without governance",
                Quantity::Time(bare.latency(percentile)),
            )
            .budget(limit, formula)
    };
    let busy_work = |percentile: &str| format!("while {events:.0} events/s come in, {percentile}");
    Ok(vec![
        line("governed context, p50", &governed, 50.0, p50),
        line("governed context, p99", &governed, 99.0, p99),
        line(&busy_work("p50"), &busy, 50.0, p50),
        line(&busy_work("p99"), &busy, 99.0, p99),
        Line::new(
            "governed contexts, 16 connections",
            Quantity::Rate(most.rate(), "contexts"),
        )
        .against(
            "without governance",
            Quantity::Rate(most_bare.rate(), "contexts"),
        ),
    ])
}

fn pick(requests: &[Vec<u8>], index: u64) -> Vec<u8> {
    let at = usize::try_from(index).unwrap_or_default() % requests.len().max(1);
    requests.get(at).cloned().unwrap_or_default()
}

fn feed(kith: &Kith) -> Result<(), LoadError> {
    let profiles = CUSTOMERS.profiles(100);
    let mut requests: Vec<Vec<u8>> = profiles
        .iter()
        .map(|(source, body)| kith.batch(source, body))
        .collect();
    let history = (0..HISTORY / BATCH).map(|index| CUSTOMERS.traffic("history", index, BATCH));
    requests.extend(history.map(|body| kith.batch("product", &body)));
    crate::load::send_all(kith.address, &requests)
}

/// Measures while usual traffic comes in at half of what ingest must be able to take; also how much
/// did come in.
fn while_ingesting(
    kith: &Kith,
    load: &Load,
    request: impl Fn(u64) -> Vec<u8> + Sync,
) -> Result<(Outcome, f64), LoadError> {
    let ingest = Load {
        connections: 4,
        pace: Pace::PerSecond(HALF_INGEST / BATCH as f64),
        ..*load
    };
    thread::scope(|scope| {
        let ingest = scope.spawn(move || {
            ingest.run(|index| kith.batch("product", &CUSTOMERS.traffic("busy", index, BATCH)))
        });
        let outcome = load.run(request);
        let ingested = ingest.join().unwrap_or(Err(LoadError::Died))?;
        Ok((outcome?, ingested.rate() * BATCH as f64))
    })
}
