//! Ingest over HTTP: durable, resolved, deduplicated, projected. Its control is what is left if none
//! of that is done but deduplication: plain inserts of the same size in batches of the same size.

mod plain;

use std::time::Duration;

use kith_store::StoreUrl;
use kith_testkit::Cluster;
use tokio::runtime::Runtime;

use super::{Bench, Context, Lines, progress};
use crate::customers::Customers;
use crate::kith::Kith;
use crate::load::{Load, LoadError, Pace};
use crate::report::{Line, Quantity};

pub(crate) const BENCH: Bench = Bench {
    name: "ingest",
    about: "85 % track, 10 % identify, 5 % group in batches of 100, kept before they are answered",
    run,
};

const CUSTOMERS: Customers = Customers {
    accounts: 1_000,
    people: 10_000,
};
const BATCH: u64 = 100;
const SQLITE_BUDGET: f64 = 20_000.0;
const POSTGRES_BUDGET: f64 = 10_000.0;
/// How long each side is measured.
const DURATION: Duration = Duration::from_secs(8);

fn run(context: &Context<'_>) -> Lines {
    let mut lines = vec![sqlite(context)?];
    let runtime = Runtime::new()?;
    match runtime.block_on(Cluster::shared()) {
        Ok(cluster) => lines.push(postgres(&runtime, &cluster)?),
        Err(error) => progress(&format!("no line for PostgreSQL: {error}")),
    }
    Ok(lines)
}

fn sqlite(context: &Context<'_>) -> Result<Line, Box<dyn std::error::Error>> {
    progress("SQLite: plain inserts");
    let plain = plain::sqlite(&context.data.join("plain.db"), DURATION / 2)?;
    let rate = measure("SQLite", &StoreUrl::sqlite(&context.data.join("ingest")))?;
    Ok(
        Line::new("ingest into SQLite", Quantity::Rate(rate, "events"))
            .against("plain inserts", Quantity::Rate(plain, "rows"))
            .budget(Quantity::Rate(SQLITE_BUDGET, "events"), None),
    )
}

fn postgres(runtime: &Runtime, cluster: &Cluster) -> Result<Line, Box<dyn std::error::Error>> {
    progress("PostgreSQL: plain inserts");
    let database = runtime.block_on(cluster.database())?;
    let plain = runtime.block_on(plain::postgres(&database, DURATION / 2))?;
    let database = runtime.block_on(cluster.database())?;
    let rate = measure("PostgreSQL", &database.url().parse()?)?;
    Ok(
        Line::new("ingest into PostgreSQL", Quantity::Rate(rate, "events"))
            .against("plain inserts", Quantity::Rate(plain, "rows"))
            .budget(Quantity::Rate(POSTGRES_BUDGET, "events"), None),
    )
}

/// Events kept in a second, after every customer is known.
fn measure(engine: &str, store: &StoreUrl) -> Result<f64, Box<dyn std::error::Error>> {
    let kith = Kith::start(store)?;
    progress(&format!(
        "{engine}: 1,000 accounts and 10,000 people become known"
    ));
    let profiles: Vec<_> = CUSTOMERS
        .profiles(500)
        .iter()
        .map(|(source, body)| kith.keys.batch(source, body))
        .collect();
    crate::load::send_all(kith.address, &profiles)?;
    progress(&format!("{engine}: their events come in"));
    let load = Load {
        server: kith.address,
        connections: 8,
        pace: Pace::Max,
        warm_up: Duration::from_secs(1),
        duration: DURATION,
    };
    let outcome = load
        .run(|index| {
            kith.keys
                .batch("product", &CUSTOMERS.traffic("run", index, BATCH))
        })
        .map_err(|error: LoadError| error.to_string())?;
    Ok(outcome.rate() * BATCH as f64)
}
