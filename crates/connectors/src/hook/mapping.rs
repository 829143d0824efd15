//! Which part of a foreign record goes to which catalogued field: data, of which each source has its own.
//! A line leads from `object.path`, such as `subscription.status` or `customer.metadata.tier`, to a field
//! (`subscription.status`), to a property of an event (`event.invoice.failed.amount`), or to a type of
//! identifier (`groupId`), which then names a root.

use kith_domain::{Entity, IdentifierType};
use serde_json::Value as Json;

/// Most lines that a source may add.
pub const MAX_LINES: usize = 200;
/// Longest side of a line, in bytes.
const MAX_SIDE_BYTES: usize = 200;

/// Where a line leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Field { entity: Entity, key: String },
    Property { event: String, key: String },
    Identifier(IdentifierType),
}

#[derive(Debug, Clone)]
struct Line {
    from: String,
    to: String,
    target: Target,
    /// Whether the source asked for it itself.
    is_own: bool,
}

/// The lines of a source, and under which names the catalog has what happened there.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    lines: Vec<Line>,
    events: Vec<(String, String, bool)>,
}

/// Why a line cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Its end is nothing that anything can go to.
    #[error(
        "expected a field such as `account.plan`, a property such as `event.invoice.failed.amount`, or a type of identifier such as `groupId`"
    )]
    Target,
    /// Its beginning is no path of an object.
    #[error("expected an object and a path in it, such as `subscription.status`")]
    Origin,
    /// There are too many.
    #[error("expected at most {MAX_LINES} lines")]
    TooMany,
}

impl Mapping {
    /// What a format has to begin with.
    pub(super) fn built_in(lines: &[(&str, &str)], events: &[(&str, &str)]) -> Self {
        let mut mapping = Self::default();
        for (from, to) in lines {
            mapping.lines.extend(line(from, to, false));
        }
        let events = events.iter();
        mapping.events = events
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned(), false))
            .collect();
        mapping
    }

    /// With lines of a source's own: each takes the place of the built-in ones that have the same
    /// beginning or the same end. One without an end only takes them away.
    ///
    /// # Errors
    /// With the line that cannot be one.
    pub fn with_fields<'a>(
        mut self,
        own: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, (String, MappingError)> {
        for (place, (from, to)) in own.into_iter().enumerate() {
            let at = || from.chars().take(MAX_SIDE_BYTES).collect::<String>();
            if place >= MAX_LINES {
                return Err((at(), MappingError::TooMany));
            }
            let is_path = from.contains('.') && from.len() <= MAX_SIDE_BYTES;
            if !is_path {
                return Err((at(), MappingError::Origin));
            }
            self.lines
                .retain(|line| line.is_own || (line.from != from && line.to != to));
            if !to.is_empty() {
                let line = line(from, to, true).ok_or_else(|| (at(), MappingError::Target))?;
                self.lines.push(line);
            }
        }
        Ok(self)
    }

    /// With names of a source's own for what happens there; an empty one leaves it out.
    #[must_use]
    pub fn with_events<'a>(mut self, own: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        for (from, to) in own.into_iter().take(MAX_LINES) {
            self.events.retain(|(held, ..)| held != from);
            if !to.is_empty() {
                self.events.push((from.to_owned(), to.to_owned(), true));
            }
        }
        self
    }

    /// Without the built-in lines and events that a catalog has no place for: what nobody asked for is
    /// no mistake of the sender.
    #[must_use]
    pub fn keeping(
        mut self,
        takes_field: impl Fn(&str) -> bool,
        takes_event: impl Fn(&str) -> bool,
    ) -> Self {
        let is_identifier = |line: &Line| matches!(line.target, Target::Identifier(_));
        self.lines
            .retain(|line| line.is_own || is_identifier(line) || takes_field(&line.to));
        self.events
            .retain(|(_, to, is_own)| *is_own || takes_event(to));
        self
    }

    /// The catalog's name of what happened.
    pub(super) fn event(&self, name: &str) -> Option<&str> {
        let mut events = self.events.iter();
        events
            .find(|(from, ..)| from == name)
            .map(|(_, to, _)| to.as_str())
    }

    /// What is said of a record, by where it goes. `null` is said too: it deletes.
    pub(super) fn said<'a>(&'a self, seen: &'a Seen<'_>) -> Vec<(&'a Target, &'a Json)> {
        let lines = self.lines.iter();
        lines
            .filter_map(|line| Some((&line.target, seen.find(&line.from)?)))
            .collect()
    }
}

fn line(from: &str, to: &str, is_own: bool) -> Option<Line> {
    let target = match to.parse::<IdentifierType>() {
        Ok(kind) => Target::Identifier(kind),
        Err(_) => {
            let (head, key) = to.rsplit_once('.')?;
            match head.strip_prefix("event.") {
                Some(event) => Target::Property {
                    event: event.to_owned(),
                    key: key.to_owned(),
                },
                None => Target::Field {
                    entity: head.parse().ok()?,
                    key: key.to_owned(),
                },
            }
        }
    };
    Some(Line {
        from: from.to_owned(),
        to: to.to_owned(),
        target,
        is_own,
    })
}

/// A record of a foreign system: what this crate understands of it, in the catalog's forms, and all else as
/// it came.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// What lines call it: `subscription`.
    pub(super) object: &'static str,
    /// By name, first.
    pub(super) said: serde_json::Map<String, Json>,
    /// By path, else.
    pub(super) raw: &'a Json,
}

impl Seen<'_> {
    fn find(&self, from: &str) -> Option<&Json> {
        let own = from
            .strip_prefix(self.object)
            .and_then(|rest| rest.strip_prefix('.'));
        // HubSpot's properties are called the same on whatever they are.
        let path = own.or_else(|| from.starts_with("properties.").then_some(from))?;
        self.said.get(path).or_else(|| at(self.raw, path))
    }
}

/// What stands at a path, `items.data.0.price.id`.
pub(super) fn at<'a>(json: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(json, |json, step| match json {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        Json::Object(object) => object.get(step),
        _ => None,
    })
}
