//! The options of sources: for every kind of value that the tests of a class can tell apart, one.
//!
//! A class is given options only if they stand for every value that there is. What is not of a form
//! that is known to allow that gets none, and its tests become variables themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use kith_domain::id::{AgentId, MemberId};
use kith_domain::{Currency, Decimal, FieldType, Timestamp, Value};

use super::classes::{AnyField, Class, Family, Source, sources_of};
use crate::ir::{Atom, Base, Items, Term};
use crate::names::Attr;

/// Most options of one source.
const MAX_OPTIONS: usize = 600;
/// Most words of a list.
const MAX_WORDS: usize = 200;
/// Most pairs of options that one test may have to be asked of.
const MAX_PAIRS: usize = 40_000;
/// Most points in time at which a request may play.
const MAX_TIMES: usize = 40;
/// When requests play, if that is all the same: 2026-01-31, noon.
pub(super) const NOON: Timestamp = Timestamp::from_micros(1_769_860_800_000_000);

const ONE: i128 = 1_000_000;
const HOUR: i128 = 3_600 * 1_000_000;
const DAY: i128 = 24 * HOUR;

/// The options of every source of a class. `None` among the values is absence.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) values: Vec<(Source, Vec<Option<Value>>)>,
    /// The words that a list may hold, in any combination.
    pub(super) lists: Vec<(Source, Vec<Arc<str>>)>,
    /// Those of them that stand for words that nobody names.
    pub(super) fresh: Vec<Arc<str>>,
}

/// The options of a class; `None` if no few options stand for everything.
pub(super) fn options(class: &Class, fields: &[AnyField]) -> Option<Options> {
    let given = match family(class, fields)? {
        Family::Bool => bools(class),
        Family::Text => texts(class, fields)?,
        Family::Number => alone(class, |source| numbers(class, source, fields))?,
        Family::Duration => alone(class, |_| durations(class))?,
        Family::Time => times(class)?,
    };
    let count = |source: &Source| {
        let of = given.values.iter().find(|(known, _)| known == source);
        of.map_or(1, |(_, values)| values.len())
    };
    let fits = given
        .values
        .iter()
        .all(|(_, values)| values.len() <= MAX_OPTIONS)
        && given
            .lists
            .iter()
            .all(|(_, words)| words.len() <= MAX_WORDS)
        && class
            .tests
            .iter()
            .all(|test| sources_of(test).iter().map(count).product::<usize>() <= MAX_PAIRS);
    fits.then_some(given)
}

/// Options that need not stand for everything: where to look for values that show something.
pub(super) fn guesses(class: &Class, fields: &[AnyField]) -> Options {
    let mut given = Options::default();
    let words: Vec<_> = class.words().into_iter().take(MAX_WORDS).collect();
    for source in &class.sources {
        let mut values: Vec<Option<Value>> = match source {
            Source::List(_) => {
                given.lists.push((*source, words.clone()));
                continue;
            }
            Source::Field(idx) if is_list(fields, *idx) => {
                given.lists.push((*source, words.clone()));
                continue;
            }
            Source::Attr(Attr::Now) => vec![Some(Value::Timestamp(NOON))],
            Source::Attr(_) => words
                .iter()
                .map(|word| Some(Value::String(Arc::clone(word))))
                .collect(),
            Source::Field(idx) => {
                let types = fields
                    .get(idx.index())
                    .map_or(&[][..], |field| &field.types);
                types
                    .iter()
                    .flat_map(|ty| guesses_of(class, ty, &words))
                    .map(Some)
                    .collect()
            }
        };
        values.dedup();
        if matches!(source, Source::Field(_)) {
            values.push(None);
        }
        given.values.push((*source, values));
    }
    given
}

fn guesses_of(class: &Class, ty: &FieldType, words: &[Arc<str>]) -> Vec<Value> {
    let around = |points: BTreeSet<i128>, step: i128| -> Vec<i128> {
        let mut all: BTreeSet<i128> = BTreeSet::new();
        for point in points {
            all.extend([
                point - 2 * step,
                point - step,
                point - 1,
                point,
                point + 1,
                point + step,
            ]);
        }
        all.into_iter().take(60).collect()
    };
    match ty {
        FieldType::Bool => vec![Value::Bool(false), Value::Bool(true)],
        FieldType::String | FieldType::Enum(_) | FieldType::Strings => {
            let mut texts: Vec<Arc<str>> = words.to_vec();
            if let FieldType::Enum(own) = ty {
                texts.extend(own.iter().cloned());
            }
            texts.extend(["other", "another"].map(Arc::from));
            texts.into_iter().map(Value::String).collect()
        }
        FieldType::Int => {
            let points = amounts(class, None).into_iter().chain([0]).collect();
            let whole = |point: i128| i64::try_from(point / ONE).ok().map(Value::Int);
            around(points, ONE).into_iter().filter_map(whole).collect()
        }
        FieldType::Decimal { currency } => {
            let points = amounts(class, *currency).into_iter().chain([0]).collect();
            let decimal = |point: i128| decimal(point, *currency);
            around(points, ONE)
                .into_iter()
                .filter_map(decimal)
                .collect()
        }
        FieldType::Timestamp => {
            let shifts = class.tests.iter().flat_map(super::classes::terms_of);
            let mut points: BTreeSet<i128> = shifts
                .flat_map(|term| [term.shift, -term.shift])
                .map(|shift| i128::from(NOON.micros()) + i128::from(shift))
                .collect();
            points.extend(class.constants().into_iter().filter_map(micros));
            points.insert(i128::from(NOON.micros()));
            around(points, DAY).into_iter().filter_map(time).collect()
        }
        FieldType::Duration => {
            let points = class
                .constants()
                .into_iter()
                .filter_map(micros)
                .chain([0])
                .collect();
            let whole = |point| i64::try_from(point).ok().map(Value::Duration);
            around(points, HOUR).into_iter().filter_map(whole).collect()
        }
    }
}

fn is_list(fields: &[AnyField], idx: kith_domain::FieldIdx) -> bool {
    fields
        .get(idx.index())
        .is_some_and(|field| field.types.contains(&FieldType::Strings))
}

/// What kind of values the class has, if it is one kind.
fn family(class: &Class, fields: &[AnyField]) -> Option<Family> {
    let mut families = Vec::new();
    for source in &class.sources {
        match source {
            Source::Field(idx) => {
                let field = fields.get(idx.index())?;
                let lists = field.types.iter().filter(|ty| **ty == FieldType::Strings);
                let lists = lists.count();
                if lists != 0 && lists != field.types.len() {
                    return None;
                }
                families.extend(field.types.iter().map(Family::of));
            }
            Source::Attr(Attr::Now) => families.push(Family::Time),
            Source::Attr(_) | Source::List(_) => families.push(Family::Text),
        }
    }
    let first = *families.first()?;
    families
        .iter()
        .all(|family| *family == first)
        .then_some(first)
}

/// Options of a class of one source.
fn alone(class: &Class, values: impl Fn(Source) -> Option<Vec<Option<Value>>>) -> Option<Options> {
    let [source] = class.sources.as_slice() else {
        return None;
    };
    Some(Options {
        values: vec![(*source, values(*source)?)],
        ..Options::default()
    })
}

fn bools(class: &Class) -> Options {
    let values = vec![Some(Value::Bool(true)), Some(Value::Bool(false)), None];
    Options {
        values: class
            .sources
            .iter()
            .map(|source| (*source, values.clone()))
            .collect(),
        ..Options::default()
    }
}

/// Texts that are only asked for equality: those that are named, and enough others for every source to
/// be equal to none, and for lists to share something that nobody names.
fn texts(class: &Class, fields: &[AnyField]) -> Option<Options> {
    let (lists, scalars): (Vec<Source>, Vec<Source>) = class.sources.iter().partition(|source| {
        matches!(source, Source::List(_))
            || matches!(source, Source::Field(idx) if is_list(fields, *idx))
    });
    let mut words = class.words();
    let of_fields = |source: &Source| match source {
        Source::Field(idx) => fields.get(idx.index()),
        _ => None,
    };
    let mut examples = Vec::new();
    for field in class.sources.iter().filter_map(of_fields) {
        for ty in &field.types {
            if let FieldType::Enum(own) = ty {
                words.extend(own.iter().cloned());
            }
        }
        examples.extend(field.examples.iter().cloned());
    }
    if class.is_ordered() {
        return ordered_texts(&words, &scalars, &lists);
    }
    let has = |attr| scalars.contains(&Source::Attr(attr));
    let mut fresh: Vec<Arc<str>> = Vec::new();
    if has(Attr::UserId) {
        fresh.push(unused("mem_0000000000000000000000000", &words));
    }
    if has(Attr::AgentId) {
        fresh.push(unused("agt_0000000000000000000000000", &words));
    }
    examples.retain(|example| !words.contains(example));
    examples.sort();
    examples.dedup();
    let mut more = examples.into_iter().chain((1..).map(|number: usize| {
        let number = if number == 1 {
            String::new()
        } else {
            number.to_string()
        };
        Arc::from(format!("other{number}"))
    }));
    let mut add = |count: usize, fresh: &mut Vec<Arc<str>>| {
        let new = more
            .by_ref()
            .filter(|word| !words.contains(word))
            .take(count);
        fresh.extend(new);
    };
    add(scalars.len(), &mut fresh);
    let of_scalars: Vec<Arc<str>> = words.iter().chain(&fresh).cloned().collect();
    // Only beside what may be unknown does it matter that a list is not empty.
    let terms = class.tests.iter().flat_map(super::classes::terms_of);
    let mut terms = terms.filter(|term| term.base == Base::Attr(Attr::IdentityMethod));
    if class.sources.len() > 1 || terms.next().is_some() {
        add(lists.len() * (lists.len() + 1) / 2, &mut fresh);
    }
    let of_lists: Vec<Arc<str>> = words.iter().chain(&fresh).cloned().collect();
    let values = scalars.iter().map(|source| {
        let fits = |word: &&Arc<str>| match source {
            Source::Attr(Attr::UserId) => word.parse::<MemberId>().is_ok(),
            Source::Attr(Attr::AgentId) => word.parse::<AgentId>().is_ok(),
            _ => true,
        };
        let texts = of_scalars.iter().filter(fits);
        let mut values: Vec<_> = texts
            .map(|word| Some(Value::String(Arc::clone(word))))
            .collect();
        if matches!(source, Source::Field(_)) {
            values.push(None);
        }
        (*source, values)
    });
    Some(Options {
        values: values.collect(),
        lists: lists
            .iter()
            .map(|source| (*source, of_lists.clone()))
            .collect(),
        fresh,
    })
}

/// An id that the tests do not name.
fn unused(start: &str, words: &BTreeSet<Arc<str>>) -> Arc<str> {
    let ids = (b'1'..=b'9').chain(b'a'..=b'h');
    let mut ids = ids.map(|last| Arc::from(format!("{start}{}", char::from(last))));
    ids.find(|id| !words.contains(id))
        .unwrap_or_else(|| start.into())
}

/// One text that is asked for its order: the named ones, and one between each two.
fn ordered_texts(
    words: &BTreeSet<Arc<str>>,
    scalars: &[Source],
    lists: &[Source],
) -> Option<Options> {
    let ([source], []) = (scalars, lists) else {
        return None;
    };
    if matches!(source, Source::Attr(Attr::UserId | Attr::AgentId)) {
        return None;
    }
    let mut texts: Vec<Arc<str>> = Vec::new();
    if words.first().is_some_and(|first| !first.is_empty()) {
        texts.push("".into());
    }
    let mut next = words.iter().skip(1);
    for word in words {
        texts.push(Arc::clone(word));
        let next = next.next();
        // Texts hold no NUL, so nothing stands between a text and itself followed by \u{1}.
        let behind = ["a", " ", "\u{1}"].map(|end| format!("{word}{end}"));
        let between = behind
            .into_iter()
            .find(|text| next.is_none_or(|next| **text < **next));
        texts.extend(between.map(Arc::from));
    }
    let mut values: Vec<_> = texts
        .into_iter()
        .map(|text| Some(Value::String(text)))
        .collect();
    if matches!(source, Source::Field(_)) {
        values.push(None);
    }
    Some(Options {
        values: vec![(*source, values)],
        ..Options::default()
    })
}

/// Each point, and one value between each two and beyond both ends, among the multiples of `grain`
/// from `least` to `most`.
fn around(points: &BTreeSet<i128>, grain: i128, step: i128, least: i128, most: i128) -> Vec<i128> {
    let mut found = Vec::new();
    let Some((first, last)) = points.first().zip(points.last()) else {
        return vec![step.clamp(least, most)];
    };
    let fits = |value: &i128| *value % grain == 0 && (least..=most).contains(value);
    let above = |point: i128| (point.div_euclid(grain) + 1) * grain;
    let below = |point: i128| (-((-point).div_euclid(grain)) - 1) * grain;
    found.extend([first - step, below(*first)].into_iter().find(fits));
    let mut next = points.iter().skip(1);
    for point in points {
        found.extend(Some(*point).filter(fits));
        if let Some(next) = next.next() {
            let between = [point + step, above(*point)];
            found.extend(
                between
                    .into_iter()
                    .find(|value| fits(value) && value < next),
            );
        }
    }
    found.extend([last + step, above(*last)].into_iter().find(fits));
    found
}

/// The numbers that the tests name in a currency, in millionths.
fn amounts(class: &Class, wanted: Option<Currency>) -> BTreeSet<i128> {
    let numbers = class
        .constants()
        .into_iter()
        .filter_map(|value| match value {
            Value::Int(whole) => Some((i128::from(*whole) * ONE, None)),
            Value::Decimal(Decimal { micros, currency }) => Some((i128::from(*micros), *currency)),
            _ => None,
        });
    numbers
        .filter(|(_, currency)| *currency == wanted)
        .map(|(number, _)| number)
        .collect()
}

fn decimal(millionths: i128, currency: Option<Currency>) -> Option<Value> {
    let micros = i64::try_from(millionths).ok()?;
    Some(Value::Decimal(Decimal { micros, currency }))
}

fn numbers(class: &Class, source: Source, fields: &[AnyField]) -> Option<Vec<Option<Value>>> {
    let Source::Field(idx) = source else {
        return None;
    };
    let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let mut values = Vec::new();
    for ty in &fields.get(idx.index())?.types {
        let FieldType::Decimal { currency } = ty else {
            let points = amounts(class, None);
            let whole = around(&points, ONE, ONE, least * ONE, most * ONE);
            let int = |point: i128| Some(Value::Int(i64::try_from(point / ONE).ok()?));
            values.extend(whole.into_iter().filter_map(int).map(Some));
            continue;
        };
        let mut currencies = BTreeSet::from([*currency]);
        if currency.is_some() {
            currencies.extend(
                class
                    .constants()
                    .into_iter()
                    .filter_map(|value| match value {
                        Value::Decimal(Decimal { currency, .. }) => Some(*currency),
                        _ => None,
                    }),
            );
            // One that nobody names: beside it every amount is unknown.
            let others = ["USD", "EUR", "GBP", "CHF", "JPY", "XXX"];
            let mut others = others.iter().filter_map(|code| code.parse().ok());
            currencies.extend(
                others
                    .find(|other| !currencies.contains(&Some(*other)))
                    .map(Some),
            );
        }
        // The declared one first: that is what people expect to read.
        let declared = currencies.take(currency);
        for currency in declared.into_iter().chain(currencies) {
            let points = around(&amounts(class, currency), 1, ONE, least, most);
            values.extend(
                points
                    .into_iter()
                    .filter_map(|point| decimal(point, currency))
                    .map(Some),
            );
        }
    }
    values.push(None);
    Some(values)
}

fn micros(value: &Value) -> Option<i128> {
    match value {
        Value::Timestamp(at) => Some(i128::from(at.micros())),
        Value::Duration(micros) => Some(i128::from(*micros)),
        _ => None,
    }
}

fn durations(class: &Class) -> Option<Vec<Option<Value>>> {
    let points = class.constants().into_iter().filter_map(micros).collect();
    let found = around(&points, 1, HOUR, i128::from(i64::MIN), i128::from(i64::MAX));
    let duration = |point| Some(Value::Duration(i64::try_from(point).ok()?));
    let mut values: Vec<_> = found.into_iter().filter_map(duration).map(Some).collect();
    values.push(None);
    Some(values)
}

/// A time, if there is one at this point.
fn time(point: i128) -> Option<Value> {
    let at = Timestamp::from_micros(i64::try_from(point).ok()?);
    (i128::from(at.micros()) == point).then_some(Value::Timestamp(at))
}

fn time_points(points: &BTreeSet<i128>) -> Vec<i128> {
    let least = i128::from(Timestamp::from_micros(i64::MIN).micros());
    let most = i128::from(Timestamp::from_micros(i64::MAX).micros());
    if points.is_empty() {
        return vec![i128::from(NOON.micros())];
    }
    around(points, 1, DAY, least, most)
}

/// What a test of times compares.
enum TimeTest {
    /// A field with a fixed time.
    Fixed(Source, i128),
    /// A field with `now`, moved by this much.
    Now(Source, i128),
    /// `now` with a fixed time.
    NowFixed(i128),
    /// Nothing: it asks whether the value is there.
    Absence,
}

fn time_test(test: &Atom<kith_domain::FieldIdx>) -> Option<Vec<TimeTest>> {
    let (left, right) = match test {
        Atom::Absent(_) => return Some(vec![TimeTest::Absence]),
        Atom::Compare { left, right, .. } => (left.clone(), vec![right.clone()]),
        Atom::Overlap {
            left: Items::One(left),
            right: Items::Const(values),
        } => {
            let terms = values.iter().map(|value| Base::Const(value.clone()).term());
            (left.clone(), terms.collect())
        }
        _ => return None,
    };
    right.iter().map(|right| time_pair(&left, right)).collect()
}

fn time_pair(left: &Term, right: &Term) -> Option<TimeTest> {
    let (a, b) = (i128::from(left.shift), i128::from(right.shift));
    Some(match (&left.base, &right.base) {
        (Base::Field(field), Base::Const(value)) => {
            TimeTest::Fixed(Source::Field(field.field), micros(value)? + b - a)
        }
        (Base::Const(value), Base::Field(field)) => {
            TimeTest::Fixed(Source::Field(field.field), micros(value)? + a - b)
        }
        (Base::Field(field), Base::Attr(Attr::Now)) => {
            TimeTest::Now(Source::Field(field.field), b - a)
        }
        (Base::Attr(Attr::Now), Base::Field(field)) => {
            TimeTest::Now(Source::Field(field.field), a - b)
        }
        (Base::Attr(Attr::Now), Base::Const(value)) => TimeTest::NowFixed(micros(value)? + b - a),
        (Base::Const(value), Base::Attr(Attr::Now)) => TimeTest::NowFixed(micros(value)? + a - b),
        _ => return None,
    })
}

/// Times that are compared with fixed ones and with `now`, but not with each other: once `now` is one
/// of its options, each field is for itself.
fn times(class: &Class) -> Option<Options> {
    let mut tests = Vec::new();
    for test in &class.tests {
        tests.extend(time_test(test)?);
    }
    // The points at which `now` changes how fixed times and moved ones lie to each other.
    let fixed = tests.iter().filter_map(|test| match test {
        TimeTest::Fixed(_, at) => Some(*at),
        _ => None,
    });
    let fixed: BTreeSet<i128> = fixed.collect();
    let moves = tests.iter().filter_map(|test| match test {
        TimeTest::Now(_, by) => Some(*by),
        _ => None,
    });
    let moves: BTreeSet<i128> = moves.collect();
    let mut critical: BTreeSet<i128> = fixed
        .iter()
        .flat_map(|at| moves.iter().map(move |by| at - by))
        .collect();
    critical.extend(tests.iter().filter_map(|test| match test {
        TimeTest::NowFixed(at) => Some(*at),
        _ => None,
    }));
    // Beside each such point there must be room for a value on either side of every other.
    let crowded = critical
        .iter()
        .zip(critical.iter().skip(1))
        .any(|(a, b)| b - a < 4);
    let nows = middles(&critical);
    if crowded || nows.len() > MAX_TIMES {
        return None;
    }
    let mut given = Options::default();
    for source in &class.sources {
        if *source == Source::Attr(Attr::Now) {
            let values = nows.iter().filter_map(|now| time(*now)).map(Some);
            given.values.push((*source, values.collect()));
            continue;
        }
        let mut found = BTreeSet::new();
        for now in &nows {
            let own = tests.iter().filter_map(|test| match test {
                TimeTest::Fixed(of, at) if of == source => Some(*at),
                TimeTest::Now(of, by) if of == source => Some(now + by),
                _ => None,
            });
            found.extend(time_points(&own.collect()));
        }
        let mut values: Vec<_> = found.into_iter().filter_map(time).map(Some).collect();
        values.push(None);
        given.values.push((*source, values));
    }
    Some(given)
}

/// Each point, the middle between each two, and a day beyond both ends.
fn middles(points: &BTreeSet<i128>) -> Vec<i128> {
    let Some((first, last)) = points.first().zip(points.last()) else {
        return vec![i128::from(NOON.micros())];
    };
    let mut found = vec![first - DAY];
    let mut next = points.iter().skip(1);
    for point in points {
        found.push(*point);
        found.extend(next.next().map(|next| point + (next - point) / 2));
    }
    found.push(last + DAY);
    found
}
