//! Governed lists and counts of a large workspace. Their control is the `WHERE` that somebody would write by
//! hand for the same question in the same store, with its rows sent as they are; beside it, row level
//! security and a masking view over a plain table of the same rows. All must answer the same before any is
//! timed.

mod by_hand;
mod rls;

use std::error::Error;
use std::time::{Duration, Instant};

use kith_domain::Purpose;
use kith_domain::id::AccountId;
use kith_engine::{ListRequest, SortField};
use kith_store::StoreUrl;
use kith_testkit::{Cluster, Database};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use super::{Bench, Context, Lines, progress};
use crate::generate::{Large, PLAN, Size};
use crate::report::{Line, Quantity};

pub(crate) const BENCH: Bench = Bench {
    name: "list",
    about: "governed lists and counts of a large workspace, against the same question by hand",
    run,
};

/// Accounts of a page.
const PAGE: u32 = 100;
/// More seats than these, where that is asked.
const SEATS: i64 = 50;
/// What governance may cost.
const MAX_RATIO: f64 = 1.2;
/// How often each side is asked before it is timed.
const WARM_UP: usize = 2;
/// How long both sides are asked one question.
const DURATION: Duration = Duration::from_secs(4);
const MIN_RUNS: usize = 7;
const MAX_RUNS: usize = 1_000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Who asks sees the accounts of one region; all questions are about one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The first accounts by id.
    Page,
    /// These, and how many there are on all pages.
    PageAndCount,
    /// Those with the most seats of all with more than [`SEATS`], which no index holds, and how many.
    LargestAndCount,
}

const QUESTIONS: [Question; 3] = [
    Question::Page,
    Question::PageAndCount,
    Question::LargestAndCount,
];

impl Question {
    const fn name(self) -> &'static str {
        match self {
            Self::Page => "100 accounts by id",
            Self::PageAndCount => "100 accounts by id, and the count",
            Self::LargestAndCount => "100 accounts by a field no index holds, and the count",
        }
    }

    fn counts(self) -> bool {
        self != Self::Page
    }

    fn by_seats(self) -> bool {
        self == Self::LargestAndCount
    }

    fn request(self) -> ListRequest {
        let mut filter = format!("account.plan == \"{PLAN}\"");
        let mut sort = Vec::new();
        if self.by_seats() {
            filter.push_str(&format!(" and account.seatsPurchased > {SEATS}"));
            sort.push(SortField {
                field: "account.seatsPurchased".into(),
                descending: true,
            });
        }
        ListRequest {
            purpose: Purpose::SupportView,
            on_behalf_of: None,
            filter: Some(filter),
            sort,
            limit: Some(PAGE),
            cursor: None,
            count: self.counts(),
        }
    }
}

/// What all sides must agree on: the accounts in order with their names and seats, and their count.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    accounts: Vec<(AccountId, String, i64)>,
    count: Option<u64>,
}

/// One side: its answer to a question as the text that it would send, and how to read that.
trait Side {
    fn ask(&mut self, question: Question) -> Result<String>;

    /// Id, name and seats of an item.
    fn read(&self, item: &Json) -> Option<(AccountId, String, i64)>;

    fn answer(&mut self, question: Question) -> Result<Answer> {
        let text = self.ask(question)?;
        let json: Json = serde_json::from_str(&text)?;
        let items = json.get("items").and_then(Json::as_array);
        let accounts = items.into_iter().flatten().map(|item| self.read(item));
        Ok(Answer {
            accounts: accounts
                .collect::<Option<_>>()
                .ok_or("an item is not as it should be")?,
            count: json.get("count").and_then(Json::as_u64),
        })
    }
}

/// The governed list: decided, audited, committed, serialised.
struct Governed<'a> {
    runtime: &'a Runtime,
    large: &'a Large,
}

impl Side for Governed<'_> {
    fn ask(&mut self, question: Question) -> Result<String> {
        let Large { desk, caller } = self.large;
        let page = desk.engine.list::<AccountId>(caller, question.request());
        Ok(serde_json::to_string(&self.runtime.block_on(page)?)?)
    }

    fn read(&self, item: &Json) -> Option<(AccountId, String, i64)> {
        let value = |key: &str| item.get(key)?.get("value");
        Some((
            item.get("id")?.as_str()?.parse().ok()?,
            value("name")?.as_str()?.to_owned(),
            value("seatsPurchased")?.as_i64()?,
        ))
    }
}

fn run(context: &Context<'_>) -> Lines {
    let runtime = Runtime::new()?;
    let mut lines = Vec::new();
    for accounts in context.accounts {
        let size = Size::whole(*accounts);
        lines.extend(sqlite(context, &runtime, size)?);
        match runtime.block_on(Cluster::shared()) {
            Ok(cluster) => lines.extend(postgres(&runtime, &cluster, size, context.machine.fsync)?),
            Err(error) => progress(&format!("no line for PostgreSQL: {error}")),
        }
    }
    Ok(lines)
}

fn sqlite(context: &Context<'_>, runtime: &Runtime, size: Size) -> Lines {
    progress(&format!("SQLite, {} accounts", size.accounts));
    let folder = size.folder(context.cache);
    let large = runtime.block_on(Large::open(&StoreUrl::sqlite(&folder), size))?;
    let mut governed = Governed {
        runtime,
        large: &large,
    };
    let mut by_hand = by_hand::Sqlite::open(&folder, large.desk.workspace)?;
    let fsync = context.machine.fsync;
    compare(
        &mut governed,
        &mut by_hand,
        ("by hand", Some(fsync)),
        size,
        "SQLite",
    )
}

fn postgres(runtime: &Runtime, cluster: &Cluster, size: Size, fsync: Duration) -> Lines {
    progress(&format!("PostgreSQL, {} accounts", size.accounts));
    let database: Database = runtime.block_on(cluster.database())?;
    // No list looks further, and nothing keeps this store for another run.
    let size = Size {
        is_whole: false,
        ..size
    };
    let large = runtime.block_on(Large::open(&database.url().parse()?, size))?;
    let mut rls = rls::Rls::create(runtime, &database, large.desk.workspace)?;
    let mut by_hand = by_hand::Postgres::open(runtime, &database, large.desk.workspace)?;
    let mut governed = Governed {
        runtime,
        large: &large,
    };
    let engine = "PostgreSQL";
    let by = ("by hand", Some(fsync));
    let mut lines = compare(&mut governed, &mut by_hand, by, size, engine)?;
    let what = "row level security, masking view";
    lines.extend(compare(
        &mut governed,
        &mut rls,
        (what, None),
        size,
        engine,
    )?);
    Ok(lines)
}

/// A line for each question. With the time of an fsync there is a budget: a page alone is as short as the
/// commit of its audit entry, of which the control has none.
fn compare(
    governed: &mut Governed<'_>,
    control: &mut dyn Side,
    (what, fsync): (&'static str, Option<Duration>),
    size: Size,
    engine: &str,
) -> Lines {
    let mut lines = Vec::new();
    for question in QUESTIONS {
        let (expect, found) = (control.answer(question)?, governed.answer(question)?);
        if found != expect || expect.accounts.is_empty() {
            let name = question.name();
            return Err(format!("{name}: governed and {what} do not answer the same").into());
        }
        let (measured, control) = alternately(governed, control, question)?;
        let work = format!("{}, {} of {engine}", question.name(), size.accounts);
        let line = Line::new(work, Quantity::Time(measured)).against(what, Quantity::Time(control));
        lines.push(match fsync {
            None => line,
            Some(_) if question.counts() => {
                let limit = control.mul_f64(MAX_RATIO);
                line.budget(Quantity::Time(limit), Some("1.2 × by hand"))
            }
            Some(fsync) => {
                let limit = control.mul_f64(MAX_RATIO) + fsync;
                line.budget(Quantity::Time(limit), Some("1.2 × by hand + 1 fsync"))
            }
        });
    }
    Ok(lines)
}

/// The medians of both sides, asked in turn so that whatever else the machine does meets both.
fn alternately(
    governed: &mut Governed<'_>,
    control: &mut dyn Side,
    question: Question,
) -> Result<(Duration, Duration)> {
    for _ in 0..WARM_UP {
        time(governed, question)?;
        time(control, question)?;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while ours.len() < MIN_RUNS || (begun.elapsed() < DURATION && ours.len() < MAX_RUNS) {
        ours.push(time(governed, question)?);
        theirs.push(time(control, question)?);
    }
    Ok((median(ours), median(theirs)))
}

fn time(side: &mut dyn Side, question: Question) -> Result<Duration> {
    let begun = Instant::now();
    std::hint::black_box(side.ask(question)?);
    Ok(begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
