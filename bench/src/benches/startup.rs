//! Starting on a large store until the server is ready, after it was stopped and after it was killed while
//! facts came in. The control opens the same file by hand in the same state and reads one row.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use kith_store::StoreUrl;
use rusqlite::Connection;
use tokio::runtime::Runtime;

use super::{Bench, Context, Lines, progress};
use crate::customers::{Customers, fresh_run};
use crate::generate::{Large, Size};
use crate::kith::Keys;
use crate::load::{Load, Pace};
use crate::report::{Line, Quantity};
use crate::served::Served;

pub(crate) const BENCH: Bench = Bench {
    name: "startup",
    about: "`kith serve` on a large store until it is ready, also after `kill -9`",
    run,
};

const RUNS: usize = 5;
const BATCH: u64 = 100;
/// How long facts come in before the server is killed.
const BEFORE_KILL: Duration = Duration::from_secs(2);
const MAX_STARTUP: Duration = Duration::from_millis(300);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn run(context: &Context<'_>) -> Lines {
    let size = Size::whole(context.most_accounts());
    progress(&format!("{} accounts", size.accounts));
    let folder = size.folder(context.cache);
    let store = StoreUrl::sqlite(&folder);
    let keys = {
        let runtime = Runtime::new()?;
        runtime.block_on(Large::open(&store, size))?.desk.keys
    };
    let stage = Stage {
        store,
        file: folder.join("kith.db"),
        data: context.data,
        keys,
        customers: size.customers(),
    };
    let line = |after: &str, (ours, theirs): (Duration, Duration)| {
        let work = format!("start on {} accounts, {after}", size.accounts);
        Line::new(work, Quantity::Time(ours))
            .against("open and read one row", Quantity::Time(theirs))
            .budget(Quantity::Time(MAX_STARTUP), None)
    };
    progress("after it was stopped");
    let stopped = stage.measure(Stage::stop)?;
    progress("after it was killed while facts came in");
    let killed = stage.measure(Stage::kill)?;
    Ok(vec![
        line("after it was stopped", stopped),
        line("after kill -9 during ingest", killed),
    ])
}

/// A store that servers are started on.
struct Stage<'a> {
    store: StoreUrl,
    file: PathBuf,
    data: &'a Path,
    keys: Keys,
    customers: Customers,
}

impl Stage<'_> {
    /// The medians of both sides, each time after a server was ended anew.
    fn measure(&self, end: impl Fn(&Self, Served) -> Result<()>) -> Result<(Duration, Duration)> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (mut served, _) = Served::start(&self.store, self.data)?;
        for _ in 0..RUNS {
            end(self, served)?;
            theirs.push(by_hand(&self.file)?);
            let (again, _) = Served::start(&self.store, self.data)?;
            end(self, again)?;
            let (next, took) = Served::start(&self.store, self.data)?;
            ours.push(took);
            served = next;
        }
        served.stop()?;
        Ok((median(ours), median(theirs)))
    }

    fn stop(&self, served: Served) -> Result<()> {
        served.stop()
    }

    fn kill(&self, mut served: Served) -> Result<()> {
        let run = fresh_run("startup")?;
        let load = Load {
            server: served.address,
            connections: 4,
            pace: Pace::Max,
            warm_up: Duration::ZERO,
            duration: BEFORE_KILL * 10,
        };
        thread::scope(|scope| {
            let ingest = scope.spawn(|| {
                load.run(|index| {
                    let body = self.customers.traffic(&run, index, BATCH);
                    self.keys.batch("product", &body)
                })
            });
            thread::sleep(BEFORE_KILL);
            let was_busy = !ingest.is_finished();
            served.kill()?;
            // It ends with the connection.
            let ended = ingest.join();
            match was_busy && ended.is_ok_and(|outcome| outcome.is_err()) {
                true => Ok(()),
                false => Err("no facts came in when the server was killed".into()),
            }
        })
    }
}

/// Opens the file as the store does, and reads one row of it.
fn by_hand(file: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;",
    )?;
    let fields: String =
        connection.query_row("SELECT fields FROM account LIMIT 1", (), |row| row.get(0))?;
    std::hint::black_box(fields);
    Ok(begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
