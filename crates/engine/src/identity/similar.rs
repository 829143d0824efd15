//! Likely duplicates: records of people that say nearly the same. A suggestion is for somebody to look at,
//! and merges nobody.
//!
//! Two records are compared only if they share a *block*, such as how their names begin or a rare value that
//! both have, so that the work grows with the records and not with their pairs. What a field says in favour of
//! two records being one is the similarity of its values (Jaro-Winkler) by how telling the field is: one
//! with many different values, such as an address, tells more than a city.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use strsim::jaro_winkler;

/// Largest block whose pairs are compared: what more share than this tells nobody apart.
const MAX_BLOCK: usize = 60;
/// Most pairs that are suggested.
const MAX_SUGGESTED: usize = 10_000;
/// From which score on, in percent, a pair is suggested.
const LIKELY: u64 = 75;
/// Similarity from which on two values may be one with a typo.
const ALIKE: f64 = 0.84;
/// Fewest fields that two records must share to be compared at all.
const FEWEST_FIELDS: usize = 2;
/// How much two different values of a field speak against a pair, beside equal ones for it.
const AGAINST: f64 = 0.6;
/// Characters of a word that make a block.
const BLOCK_CHARS: usize = 4;

/// What is known of somebody: text by field.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Record(BTreeMap<String, Vec<String>>);

/// Says nothing of the values.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").finish_non_exhaustive()
    }
}

impl Record {
    /// Adds a value of a field: lower case, words apart by one space, without marks.
    pub fn add(&mut self, field: &str, value: &str) {
        let plain = |c: char| if c.is_alphanumeric() { c } else { ' ' };
        let text: String = value.to_lowercase().chars().map(plain).collect();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.0.entry(field.to_owned()).or_default().push(text);
        }
    }
}

/// Two records that are likely one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likely {
    /// The place of one.
    pub a: usize,
    /// The place of the other, which is behind it.
    pub b: usize,
    /// How likely, in percent.
    pub score: u64,
    /// The fields that are alike, by name.
    pub alike: Vec<String>,
}

/// Finds the pairs of records that are likely one, the likeliest first.
#[must_use]
pub fn likely(records: &[Record]) -> Vec<Likely> {
    let telling = telling(records);
    let mut pairs: BTreeSet<(usize, usize)> = BTreeSet::new();
    for places in blocks(records).into_values() {
        if places.len() > MAX_BLOCK {
            continue;
        }
        for (at, a) in places.iter().enumerate() {
            pairs.extend(places.iter().skip(at + 1).map(|b| (*a, *b)));
        }
    }
    let score = |(a, b): (usize, usize)| {
        let likely = compare(&telling, records.get(a)?, records.get(b)?)?;
        let (score, alike) = likely;
        Some(Likely { a, b, score, alike })
    };
    let mut found: Vec<Likely> = pairs.into_iter().filter_map(score).collect();
    found.sort_by_key(|pair| (std::cmp::Reverse(pair.score), pair.a, pair.b));
    found.truncate(MAX_SUGGESTED);
    found
}

/// How telling each field is: the bits that a value of it gives, on average.
fn telling(records: &[Record]) -> HashMap<&str, f64> {
    let mut counts: HashMap<&str, HashMap<&str, u32>> = HashMap::new();
    for (field, values) in records.iter().flat_map(|record| &record.0) {
        let of_field = counts.entry(field).or_default();
        for value in values {
            *of_field.entry(value).or_default() += 1;
        }
    }
    let bits = |values: HashMap<&str, u32>| {
        let all: f64 = values.values().map(|count| f64::from(*count)).sum();
        let of_value = |count: &u32| {
            let share = f64::from(*count) / all;
            -share * share.log2()
        };
        values.values().map(of_value).sum::<f64>()
    };
    let fields = counts.into_iter();
    fields
        .map(|(field, values)| (field, bits(values)))
        .collect()
}

/// The places of the records of each block.
fn blocks(records: &[Record]) -> HashMap<String, Vec<usize>> {
    let mut blocks: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, record) in records.iter().enumerate() {
        let mut keys = BTreeSet::new();
        let mut begins = Vec::new();
        for (field, values) in &record.0 {
            for value in values {
                // The whole value, whatever its words' order is.
                let mut words: Vec<&str> = value.split(' ').collect();
                words.sort_unstable();
                keys.insert(format!("{field}={}", words.join(" ")));
                let begin: String = value.chars().take(BLOCK_CHARS).collect();
                begins.push(format!("{field}:{begin}"));
            }
        }
        // How two of its values begin: a typo in one of the others leaves some of these.
        for (at, one) in begins.iter().enumerate() {
            keys.extend(
                begins
                    .iter()
                    .skip(at + 1)
                    .map(|other| format!("{one}&{other}")),
            );
        }
        for key in keys {
            blocks.entry(key).or_default().push(place);
        }
    }
    blocks
}

/// The score of two records and the fields that are alike, if they are likely one.
fn compare(telling: &HashMap<&str, f64>, a: &Record, b: &Record) -> Option<(u64, Vec<String>)> {
    let (mut for_it, mut all) = (0.0, 0.0);
    let mut alike = Vec::new();
    let mut shared = 0;
    for (field, values) in &a.0 {
        let Some(others) = b.0.get(field) else {
            continue;
        };
        shared += 1;
        let weight = telling.get(field.as_str()).copied().unwrap_or_default();
        let pairs = values
            .iter()
            .flat_map(|one| others.iter().map(move |other| similarity(one, other)));
        let best = pairs.fold(0.0_f64, f64::max);
        if best >= ALIKE {
            for_it += weight * best;
            all += weight;
            alike.push(field.clone());
        } else {
            all += weight * AGAINST;
        }
    }
    if shared < FEWEST_FIELDS || alike.len() < FEWEST_FIELDS || all <= 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of one, in percent"
    )]
    let score = (for_it / all * 100.0).round() as u64;
    (score >= LIKELY).then_some((score, alike))
}

/// How alike two texts are, from 0 to 1; their words may stand in another order.
fn similarity(one: &str, other: &str) -> f64 {
    let sorted = |text: &str| {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        words.join(" ")
    };
    let straight = jaro_winkler(one, other);
    if one.contains(' ') && other.contains(' ') {
        straight.max(jaro_winkler(&sorted(one), &sorted(other)))
    } else {
        straight
    }
}

#[cfg(test)]
#[path = "similar_tests.rs"]
mod tests;
