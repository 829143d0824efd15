//! Deciding, specialising and explaining, without a store or a server around them. The peers decide
//! the same policies on the same rows, and nothing is timed before all of them gave the same answers.

pub(super) mod accounts;
mod agreement;
mod by_hand;
mod cedar;
mod condition;
mod rego;
pub(super) mod workload;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use kith_domain::Purpose;
use kith_policy::{Batch, Plan};

use self::accounts::{Account, accounts};
use self::by_hand::{ByHand, Member};
use self::cedar::Cedar;
use self::rego::Rego;
use self::workload::{CLASSES, Cell, Workload, fields, now, subjects};
use super::{Bench, Context, Lines, progress};
use crate::report::{Line, Quantity};

pub(crate) const BENCH: Bench = Bench {
    name: "policy",
    about: "200 fields × 100 rows decided, against hand-written Rust, Cedar and regorus",
    run,
};

const PURPOSE: Purpose = Purpose::SupportView;
pub(super) const FIELDS: usize = 200;
pub(super) const ROWS: usize = 100;
/// As many rounds of statements as make 20 with an `allow` and a `limit`, and as make 200.
pub(super) const FEW: i64 = 1;
const MANY: i64 = 11;
const RUNS: usize = 300;
const MAX_DECIDE: Duration = Duration::from_micros(500);
const MAX_SPECIALISE: Duration = Duration::from_micros(200);
const MAX_EXPLAIN: Duration = Duration::from_micros(50);

fn run(_: &Context<'_>) -> Lines {
    let mut lines = Vec::new();
    for (different, what) in [(ROWS, "all different"), (5, "5 different")] {
        lines.extend(decide(&accounts(ROWS, different), different, what)?);
    }
    progress("specialising and explaining");
    lines.extend(specialise()?);
    lines.push(explain()?);
    progress("growth with fields, statements and rows");
    let by_fields = [100, 200, 400, 800, 1_600];
    lines.extend(curve("fields", &by_fields, |fields| {
        let workload = Workload::new(fields, MANY)?;
        Ok((fields, time_specialise(&workload)))
    })?);
    lines.extend(curve("statements", &[FEW, MANY, 22, 44, 88], |rounds| {
        let workload = Workload::new(FIELDS, rounds)?;
        let statements = workload.policies.statements().len();
        Ok((statements, time_specialise(&workload)))
    })?);
    let workload = Workload::new(FIELDS, FEW)?;
    let plan = workload.policies.specialise(&workload.actor, PURPOSE);
    lines.extend(curve("rows", &[10, 100, 1_000, 10_000], |rows| {
        let of = accounts(rows, rows);
        Ok((rows, time_plan(&plan, &workload, &of)))
    })?);
    Ok(lines)
}

/// All engines on the same rows.
fn decide(accounts: &[Account], different: usize, what: &str) -> Lines {
    progress(&format!("20 statements on 100 rows, {what}"));
    let workload = Workload::new(FIELDS, FEW)?;
    let plan = workload.policies.specialise(&workload.actor, PURPOSE);
    let by_hand = ByHand::new(&workload.class_of, FEW);
    let cedar = Cedar::new(FEW, accounts)?;
    let rego = Rego::new(FEW, accounts)?;
    agreement::check(&workload, &plan, accounts, &by_hand, &cedar, &rego)?;

    let kith = Quantity::Time(time_plan(&plan, &workload, accounts));
    let hand = time_by_hand(&by_hand, accounts);
    let work = format!("decide 200 fields × 100 rows, {what}");
    let limit = MAX_DECIDE.min(hand * 2);
    let mut lines = vec![
        Line::new(&work, kith)
            .against("hand-written Rust", Quantity::Time(hand))
            .budget(Quantity::Time(limit), Some("0.5 ms, and 2 × by hand")),
    ];
    let classes: Vec<_> = (0..CLASSES).collect();
    let of_each = [
        ("each decision", cells(ROWS, &workload.class_of), 5),
        ("each row and class", cells(ROWS, &classes), 9),
        (
            "each different row and class",
            cells(different, &classes),
            25,
        ),
    ];
    let mut best: Option<Duration> = None;
    let mut peers = Vec::new();
    let mut states = Vec::new();
    for (each, cells, runs) in of_each {
        let with_cedar = median(runs, || cedar.states(&cells, &mut states));
        let with_rego = median(runs, || {
            // That it answers was checked before.
            drop(black_box(rego.states(&cells, &mut states)));
        });
        for (engine, time) in [("Cedar", with_cedar), ("regorus", with_rego)] {
            best = Some(best.map_or(time, |best| best.min(time)));
            let work = format!("the same with {engine}, {each}");
            peers.push(Line::new(work, Quantity::Time(time)).against("Kith", kith));
        }
    }
    let best = Quantity::Time(best.unwrap_or_default());
    let ahead = Line::new(work, kith).against("best other engine", best);
    lines.push(ahead.budget(best, Some("ahead of the best of them all")));
    lines.extend(peers);
    Ok(lines)
}

fn cells(rows: usize, classes: &[usize]) -> Vec<Cell> {
    let rows = 0..rows;
    rows.flat_map(|row| classes.iter().map(move |class| Cell { row, class: *class }))
        .collect()
}

fn specialise() -> Lines {
    let few = Workload::new(FIELDS, FEW)?;
    let many = Workload::new(FIELDS, MANY)?;
    let measured = Quantity::Time(time_specialise(&many));
    let line = Line::new("specialise 200 fields × 200 statements", measured)
        .against("20 statements", Quantity::Time(time_specialise(&few)))
        .budget(Quantity::Time(MAX_SPECIALISE), None);
    Ok(vec![line])
}

/// A decision on one row, and the reason of one field. The slowest of all fields.
fn explain() -> Result<Line, Box<dyn Error>> {
    let workload = Workload::new(FIELDS, MANY)?;
    let plan = workload.policies.specialise(&workload.actor, PURPOSE);
    let rows = workload.rows(&accounts(ROWS, ROWS));
    let subjects = subjects(&rows);
    let found = subjects.iter().find(|subject| plan.exists(subject, now()));
    let subject = found.ok_or("no row exists")?;
    let alone = median(RUNS, || {
        black_box(plan.decide(subject, now()));
    });
    let slowest = fields(&workload.catalog).into_iter().map(|field| {
        median(RUNS / 10, || {
            black_box(plan.decide(subject, now()).reason(field));
        })
    });
    let slowest = slowest.max().unwrap_or_default();
    let work = "decide a row and explain one field, 200 statements, the slowest field";
    Ok(Line::new(work, Quantity::Time(slowest))
        .against("without a reason", Quantity::Time(alone))
        .budget(Quantity::Time(MAX_EXPLAIN), None))
}

/// Times that must not grow faster than what they grow with.
fn curve<T: Copy>(
    of: &str,
    sizes: &[T],
    measure: impl Fn(T) -> Result<(usize, Duration), Box<dyn Error>>,
) -> Lines {
    let points: Vec<_> = sizes
        .iter()
        .map(|size| measure(*size))
        .collect::<Result<_, _>>()?;
    let (least, first) = points.first().copied().ok_or("no sizes")?;
    let line = |(size, time): &(usize, Duration)| {
        let times = *size as f64 / least as f64;
        Line::new(format!("{} {size} {of}", verb(of)), Quantity::Time(*time))
            .against("the fewest", Quantity::Time(first))
            .budget(
                Quantity::Time(first.mul_f64(times)),
                Some("as many times the fewest"),
            )
    };
    let more = points.iter().skip(1).map(line);
    let fewest = Line::new(format!("{} {least} {of}", verb(of)), Quantity::Time(first));
    Ok(std::iter::once(fewest).chain(more).collect())
}

fn verb(of: &str) -> &'static str {
    if of == "rows" { "decide" } else { "specialise" }
}

fn time_specialise(workload: &Workload) -> Duration {
    median(RUNS, || {
        black_box(workload.policies.specialise(&workload.actor, PURPOSE));
    })
}

fn time_plan(plan: &Plan, workload: &Workload, accounts: &[Account]) -> Duration {
    let rows = workload.rows(accounts);
    let subjects = subjects(&rows);
    let mut batch = Batch::default();
    median(RUNS, || {
        black_box(plan.decide_all(&subjects, now(), &mut batch).len());
    })
}

fn time_by_hand(by_hand: &ByHand, accounts: &[Account]) -> Duration {
    let member = Member::sam();
    let mut states = Vec::new();
    median(RUNS, || {
        states.clear();
        for account in accounts {
            black_box(by_hand.decide(account, &member, &mut states));
        }
        black_box(&states);
    })
}

/// The median time, warm.
fn median(runs: usize, mut work: impl FnMut()) -> Duration {
    work();
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.get(runs / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rounds_by_hand: i64) -> Result<(), Box<dyn Error>> {
        let workload = Workload::new(FIELDS, FEW)?;
        let plan = workload.policies.specialise(&workload.actor, PURPOSE);
        let accounts = accounts(ROWS, ROWS);
        let by_hand = ByHand::new(&workload.class_of, rounds_by_hand);
        let cedar = Cedar::new(FEW, &accounts)?;
        let rego = Rego::new(FEW, &accounts)?;
        agreement::check(&workload, &plan, &accounts, &by_hand, &cedar, &rego)
    }

    #[test]
    fn all_engines_give_the_same_answers() {
        check(FEW).unwrap();
    }

    #[test]
    fn engines_that_decide_something_else_are_not_timed() {
        let error = check(FEW + 1).unwrap_err().to_string();
        assert!(error.contains("engines differ in a state"), "{error}");
    }

    #[test]
    fn the_measured_size_is_the_stated_one() {
        for (rounds, statements) in [(FEW, 20), (MANY, 200)] {
            let workload = Workload::new(FIELDS, rounds).unwrap();
            assert_eq!(workload.policies.statements().len(), statements);
            assert_eq!(workload.catalog.fields().len(), FIELDS);
        }
        let accounts = accounts(ROWS, ROWS);
        let values = accounts.iter().flat_map(Account::values);
        let absent = values.filter(|(_, value)| value.is_none()).count();
        assert!((84..=156).contains(&absent), "{absent} of 1,200 are absent");
    }
}
