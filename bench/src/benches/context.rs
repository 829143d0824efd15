//! The governed context of a customer over HTTP: authenticated, decided, audited and fsynced. Its
//! control reads the same rows in the same process and sends them as they are. Of a small workspace, and
//! of large ones, where those who are asked about are all over.

mod raw;

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kith_store::StoreUrl;
use tokio::runtime::Runtime;

use super::{Bench, Context, Lines, pick, progress};
use crate::customers::{Customers, fresh_run, user_ids};
use crate::generate::{Large, Size};
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
/// How many people of a large workspace are asked about. All are once before anything is measured, so
/// that what is measured is not the disk.
const ASKED_ABOUT: usize = 10_000;
const BATCH: u64 = 100;
const RATE: f64 = 2_000.0;
/// Half of what ingest must be able to take.
const HALF_INGEST: f64 = 10_000.0;
const MAX_P99: Duration = Duration::from_millis(5);

fn run(context: &Context<'_>) -> Lines {
    let mut lines = small(context)?;
    let mut points = Vec::new();
    for accounts in context.accounts {
        let measured = large(context, Size::whole(*accounts))?;
        let what = format!("governed context, one of {accounts} accounts");
        lines.extend(measured.lines(context, &what));
        points.push((*accounts, measured.governed.latency(50.0)));
    }
    lines.extend(curve(&points));
    Ok(lines)
}

/// What each size costs beside the first.
fn curve(points: &[(u64, Duration)]) -> Vec<Line> {
    let Some(((_, first), more)) = points.split_first() else {
        return Vec::new();
    };
    let more = more.iter().map(|(accounts, p50)| {
        Line::new(
            format!("growth of a context's p50, {accounts} accounts"),
            Quantity::Time(*p50),
        )
        .against("the first size", Quantity::Time(*first))
    });
    more.collect()
}

fn small(context: &Context<'_>) -> Lines {
    let folder = context.data.join("context");
    let kith = Kith::start(&StoreUrl::sqlite(&folder))?;
    progress("200 accounts, 1,000 people and 30,000 messages come in");
    feed(&kith)?;
    let ids = user_ids(0..CUSTOMERS.people);
    let measured = Bed::new(&kith, &folder, CUSTOMERS, &ids)?.measure()?;
    Ok(measured.lines(context, "governed context"))
}

fn large(context: &Context<'_>, size: Size) -> Result<Measured, Box<dyn std::error::Error>> {
    progress(&format!("{} accounts", size.accounts));
    let folder = size.folder(context.cache);
    let runtime = Runtime::new()?;
    let large = runtime.block_on(Large::open(&StoreUrl::sqlite(&folder), size))?;
    let kith = Kith::serve(large.desk, runtime)?;
    let ids = size.people_in_view(ASKED_ABOUT);
    let bed = Bed::new(&kith, &folder, size.customers(), &ids)?;
    crate::load::send_all(kith.address, &bed.requests)?;
    bed.measure()
}

/// A server, what it is asked, and the same rows without governance.
struct Bed<'a> {
    kith: &'a Kith,
    customers: Customers,
    requests: Vec<Vec<u8>>,
    raw: SocketAddr,
    raw_requests: Vec<Vec<u8>>,
}

impl<'a> Bed<'a> {
    fn new(
        kith: &'a Kith,
        folder: &Path,
        customers: Customers,
        user_ids: &[String],
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let both = |id: &String| [kith.keys.view(id), kith.keys.draft(id)];
        let raw = |id: &String| request("GET", &format!("/{id}"), &[], b"");
        Ok(Self {
            kith,
            customers,
            requests: user_ids.iter().flat_map(both).collect(),
            raw: raw::serve(kith, folder)?,
            raw_requests: user_ids.iter().map(raw).collect(),
        })
    }

    fn measure(&self) -> Result<Measured, Box<dyn std::error::Error>> {
        let steady = Load {
            server: self.kith.address,
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
        let raw = |load: Load| Load {
            server: self.raw,
            ..load
        };
        progress("governed, at 2,000 requests/s");
        let governed = steady.run(|index| pick(&self.requests, index))?;
        progress("without governance");
        let bare = raw(steady).run(|index| pick(&self.raw_requests, index))?;
        progress("both as fast as they can");
        let most = flat_out.run(|index| pick(&self.requests, index))?;
        let most_bare = raw(flat_out).run(|index| pick(&self.raw_requests, index))?;
        progress("governed, while 10,000 events/s come in");
        let (busy, events) = self.while_ingesting(&steady)?;

        Ok(Measured {
            governed,
            bare,
            most,
            most_bare,
            busy,
            events,
        })
    }

    /// Measures while usual traffic comes in at half of what ingest must be able to take; also how much
    /// did come in.
    fn while_ingesting(&self, load: &Load) -> Result<(Outcome, f64), Box<dyn std::error::Error>> {
        let run = fresh_run("busy")?;
        let ingest = Load {
            connections: 4,
            pace: Pace::PerSecond(HALF_INGEST / BATCH as f64),
            ..*load
        };
        thread::scope(|scope| {
            let ingest = scope.spawn(|| {
                ingest.run(|index| {
                    let body = self.customers.traffic(&run, index, BATCH);
                    self.kith.keys.batch("product", &body)
                })
            });
            let outcome = load.run(|index| pick(&self.requests, index));
            let ingested = ingest.join().unwrap_or(Err(LoadError::Died))?;
            Ok((outcome?, ingested.rate() * BATCH as f64))
        })
    }
}

/// What was seen of both sides.
struct Measured {
    governed: Outcome,
    bare: Outcome,
    most: Outcome,
    most_bare: Outcome,
    busy: Outcome,
    /// How many came in in a second.
    events: f64,
}

impl Measured {
    fn lines(&self, context: &Context<'_>, what: &str) -> Vec<Line> {
        let p50 = Duration::from_micros(600) + context.machine.fsync.mul_f64(1.5);
        let p50 = (Quantity::Time(p50), Some("0.6 ms + 1.5 × fsync"));
        let p99 = (Quantity::Time(MAX_P99), None);
        let line = |work: &str, outcome: &Outcome, percentile, (limit, formula)| {
            Line::new(work, Quantity::Time(outcome.latency(percentile)))
                .against(
                    "without governance",
                    Quantity::Time(self.bare.latency(percentile)),
                )
                .budget(limit, formula)
        };
        let busy_work =
            |percentile: &str| format!("while {:.0} events/s come in, {percentile}", self.events);
        vec![
            line(&format!("{what}, p50"), &self.governed, 50.0, p50),
            line(&format!("{what}, p99"), &self.governed, 99.0, p99),
            line(&busy_work("p50"), &self.busy, 50.0, p50),
            line(&busy_work("p99"), &self.busy, 99.0, p99),
            Line::new(
                "governed contexts, 16 connections",
                Quantity::Rate(self.most.rate(), "contexts"),
            )
            .against(
                "without governance",
                Quantity::Rate(self.most_bare.rate(), "contexts"),
            ),
        ]
    }
}

fn feed(kith: &Kith) -> Result<(), LoadError> {
    let profiles = CUSTOMERS.profiles(100);
    let mut requests: Vec<Vec<u8>> = profiles
        .iter()
        .map(|(source, body)| kith.keys.batch(source, body))
        .collect();
    let history = (0..HISTORY / BATCH).map(|index| CUSTOMERS.traffic("history", index, BATCH));
    requests.extend(history.map(|body| kith.keys.batch("product", &body)));
    crate::load::send_all(kith.address, &requests)
}
