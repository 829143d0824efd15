//! A profile: the chosen value of every field of one root, with where it came from. It is a
//! projection of observations and can be rebuilt from them at any time.
//!
//! The choice is the maximum of one total order, so adding an observation to a profile gives the same
//! as choosing among all of them again: trust, source precedence, time, and a fixed tie-break.
//!
//! A source that deletes its record of a root takes back what it said until then: it counts as if the
//! source had said in that moment that there is no value.

use std::cmp::Ordering;

use kith_domain::Catalog;
use kith_domain::fact::{DELETED, Trust};
use kith_store::history::SaidRow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// One value of one field from one source.
#[derive(Clone, PartialEq)]
pub(crate) struct Observation {
    /// Full path of the field.
    pub(crate) field: String,
    /// The canonical value; `null` deletes the field.
    pub(crate) value: Json,
    /// Where it came from.
    pub(crate) origin: Origin,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The source's name.
    pub(crate) source: String,
    /// Whether a browser delivered it, where anyone may forge it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) public: bool,
    /// When it was true, in microseconds since 1970.
    pub(crate) observed: i64,
    /// When Kith got it, in microseconds since 1970.
    pub(crate) received: i64,
}

impl Origin {
    pub(crate) fn new(source: &str, trust: Trust, observed: i64, received: i64) -> Self {
        Self {
            source: source.to_owned(),
            public: trust == Trust::Public,
            observed,
            received,
        }
    }

    /// Which of two is chosen where no source comes before another.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        (other.public.cmp(&self.public)).then_with(|| self.compare_times(other))
    }

    /// Where it comes from that what was said here holds no longer, if the source took it back since.
    pub(crate) fn until(&self, deletion: &Self) -> Option<Self> {
        let is_taken_back = self.source == deletion.source && self.observed <= deletion.observed;
        is_taken_back.then(|| Self {
            public: self.public,
            ..deletion.clone()
        })
    }

    fn compare_times(&self, other: &Self) -> Ordering {
        (self.observed.cmp(&other.observed))
            .then_with(|| self.received.cmp(&other.received))
            .then_with(|| self.source.cmp(&other.source))
    }
}

/// The two columns of a profile row.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Profile {
    /// Canonical values by full path; only fields that have one.
    pub(crate) fields: Map<String, Json>,
    /// Origins by full path; a deleted field keeps its origin, so that older values stay deleted.
    pub(crate) provenance: Map<String, Json>,
}

impl Profile {
    /// Takes an observation in; true if it changed the field's value.
    pub(crate) fn observe(&mut self, catalog: &Catalog, new: &Observation) -> bool {
        if new.field == DELETED {
            self.end(&new.origin);
            return false;
        }
        let ended = self.ended(new);
        let new = ended.as_ref().unwrap_or(new);
        let held = self
            .provenance
            .get(&new.field)
            .and_then(|json| Origin::deserialize(json).ok());
        let value = self.fields.get(&new.field).unwrap_or(&Json::Null);
        if let Some(held) = held
            && rank(catalog, &new.field, &new.origin, &new.value, &held, value) != Ordering::Greater
        {
            return false;
        }
        let changed = *value != new.value;
        if new.value.is_null() {
            self.fields.remove(&new.field);
        } else {
            self.fields.insert(new.field.clone(), new.value.clone());
        }
        if let Ok(origin) = serde_json::to_value(&new.origin) {
            self.provenance.insert(new.field.clone(), origin);
        }
        changed
    }

    /// Remembers that a source deleted its record; of several times the latest.
    fn end(&mut self, deletion: &Origin) {
        let held = self.provenance.entry(DELETED);
        let Json::Object(by_source) = held.or_insert_with(|| Map::new().into()) else {
            return;
        };
        let earlier = by_source.get(&deletion.source);
        let earlier = earlier.and_then(|json| Origin::deserialize(json).ok());
        let is_latest = earlier.is_none_or(|earlier| earlier.compare_times(deletion).is_lt());
        if let Ok(origin) = serde_json::to_value(deletion)
            && is_latest
        {
            by_source.insert(deletion.source.clone(), origin);
        }
    }

    /// What an observation counts as that its source took back since.
    fn ended(&self, new: &Observation) -> Option<Observation> {
        let deletion = self.provenance.get(DELETED)?.get(&new.origin.source)?;
        let deletion = Origin::deserialize(deletion).ok()?;
        new.origin.until(&deletion).map(|origin| Observation {
            field: new.field.clone(),
            value: Json::Null,
            origin,
        })
    }

    /// The profile of these observations, in whatever order.
    pub(crate) fn of<'a>(
        catalog: &Catalog,
        all: impl IntoIterator<Item = &'a Observation>,
    ) -> Self {
        let mut profile = Self::default();
        let (deletions, values): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|of| of.field == DELETED);
        for observation in deletions.into_iter().chain(values) {
            profile.observe(catalog, observation);
        }
        profile
    }
}

/// A moment in which the chosen value of a field changed.
#[derive(Clone, PartialEq)]
pub(crate) struct Turn {
    /// Full path of the field.
    pub(crate) field: String,
    /// When, in microseconds since 1970: the time of the observation that was chosen from then on.
    pub(crate) at: i64,
    /// The canonical value until then; `null` if there was none.
    pub(crate) before: Json,
    /// The canonical value from then on; `null` if there was none.
    pub(crate) after: Json,
    /// The source that the new value came from.
    pub(crate) source: String,
}

/// Every change of the chosen values, as if each observation had been known in the moment that it is
/// about; by field, then by time. What was observed in one moment is one change.
pub(crate) fn turns(catalog: &Catalog, all: Vec<Observation>) -> Vec<Turn> {
    let (deletions, mut all): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|of| of.field == DELETED);
    let mut taken_back = Vec::new();
    for deletion in &deletions {
        let until = |of: &Observation| {
            let origin = of.origin.until(&deletion.origin)?;
            let field = of.field.clone();
            let value = Json::Null;
            Some(Observation {
                field,
                value,
                origin,
            })
        };
        taken_back.extend(all.iter().filter_map(until));
    }
    all.append(&mut taken_back);
    all.sort_by(|a, b| (&a.field, a.origin.observed).cmp(&(&b.field, b.origin.observed)));
    let mut turns = Vec::new();
    for of_field in all.chunk_by(|a, b| a.field == b.field) {
        let mut held: Option<&Observation> = None;
        for said in of_field.chunk_by(|a, b| a.origin.observed == b.origin.observed) {
            let before = held;
            for new in said {
                let wins = held.is_none_or(|held| new.wins_over(held, catalog));
                held = if wins { Some(new) } else { held };
            }
            let value =
                |of: Option<&Observation>| of.map(|of| of.value.clone()).unwrap_or_default();
            let (before, after) = (value(before), value(held));
            if let Some(chosen) = held.filter(|_| before != after) {
                turns.push(Turn {
                    field: chosen.field.clone(),
                    at: chosen.origin.observed,
                    before,
                    after,
                    source: chosen.origin.source.clone(),
                });
            }
        }
    }
    turns
}

impl Observation {
    fn wins_over(&self, held: &Self, catalog: &Catalog) -> bool {
        let (new, old) = (&self.origin, &held.origin);
        rank(catalog, &self.field, new, &self.value, old, &held.value) == Ordering::Greater
    }
}

impl From<SaidRow> for Observation {
    fn from(row: SaidRow) -> Self {
        Self {
            field: row.field,
            value: row.value.unwrap_or_default(),
            origin: Origin::new(
                &row.source,
                row.trust,
                row.observed_at.micros(),
                row.received_at.micros(),
            ),
        }
    }
}

/// Whether one value of a field is chosen over another.
fn rank(
    catalog: &Catalog,
    field: &str,
    a: &Origin,
    a_value: &Json,
    b: &Origin,
    b_value: &Json,
) -> Ordering {
    let sources = catalog
        .find(field)
        .and_then(|idx| catalog.get(idx))
        .map(|field| field.sources.as_slice());
    let precedence = |origin: &Origin| {
        let place = sources.and_then(|names| names.iter().position(|name| **name == origin.source));
        std::cmp::Reverse(place.unwrap_or(usize::MAX))
    };
    (b.public.cmp(&a.public))
        .then_with(|| precedence(a).cmp(&precedence(b)))
        .then_with(|| a.compare_times(b))
        .then_with(|| a_value.to_string().cmp(&b_value.to_string()))
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
