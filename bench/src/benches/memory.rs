//! Resident memory of `kith serve` on a large store, after contexts of people from all over it, pages of its
//! accounts and batches of facts. Its control is the same process before anybody asked it anything.

use std::thread;
use std::time::Duration;

use kith_store::StoreUrl;
use tokio::runtime::Runtime;

use super::{Bench, Context, Lines, pick, progress};
use crate::customers::fresh_run;
use crate::generate::{Large, Size};
use crate::load::{Load, LoadError, Pace};
use crate::report::{Line, Quantity};
use crate::served::Served;

pub(crate) const BENCH: Bench = Bench {
    name: "memory",
    about: "resident memory of `kith serve` on a large store, after work",
    run,
};

/// People who are looked at.
const ASKED_ABOUT: usize = 10_000;
const BATCH: u64 = 100;
const DURATION: Duration = Duration::from_secs(10);
const MAX_BYTES: u64 = 300 * 1_024 * 1_024;

fn run(context: &Context<'_>) -> Lines {
    let size = Size::whole(context.most_accounts());
    progress(&format!("{} accounts", size.accounts));
    let store = StoreUrl::sqlite(&size.folder(context.cache));
    let keys = {
        let runtime = Runtime::new()?;
        runtime.block_on(Large::open(&store, size))?.desk.keys
    };
    let (served, _) = Served::start(&store, context.data)?;
    let Some(before) = served.resident_bytes() else {
        progress("no line: this machine does not tell how much memory a process holds");
        return Ok(Vec::new());
    };
    let requests: Vec<_> = size
        .people_in_view(ASKED_ABOUT)
        .iter()
        .flat_map(|id| [keys.view(id), keys.draft(id)])
        .collect();
    let list = keys.get("/v1/accounts?purpose=support.view&limit=200&count=true");
    let run = fresh_run("memory")?;
    let customers = size.customers();

    progress("contexts, pages and batches");
    let load = |connections| Load {
        server: served.address,
        connections,
        pace: Pace::Max,
        warm_up: Duration::ZERO,
        duration: DURATION,
    };
    let outcomes = thread::scope(|scope| {
        let batches = scope.spawn(|| {
            load(4).run(|index| keys.batch("product", &customers.traffic(&run, index, BATCH)))
        });
        let pages = scope.spawn(|| load(2).run(|_| list.clone()));
        let contexts = load(16).run(|index| pick(&requests, index));
        let join =
            |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap_or(Err(LoadError::Died));
        Ok::<_, LoadError>([contexts?, join(pages)?, join(batches)?])
    });
    let [contexts, pages, batches] = outcomes?.map(|outcome| outcome.requests());
    let after = served.resident_bytes().unwrap_or_default();
    served.stop()?;
    let work = format!(
        "resident on {} accounts after {contexts} contexts, {pages} pages and {batches} batches",
        size.accounts
    );
    let line = Line::new(work, Quantity::Memory(after))
        .against("before them", Quantity::Memory(before))
        .budget(Quantity::Memory(MAX_BYTES), None);
    Ok(vec![line])
}
