//! The catalog: every field and event with its owner, description, sources, sensitivity and whom it
//! is safe for. What is not in the catalog is hidden.
//!
//! Events are fields too: `event.checkout.failed` is the fact that it happened, and
//! `event.checkout.failed.reason` is one of its properties. So every rule about fields holds for them.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::identifier::{IdentifierType, RootKind};
use crate::purpose::Audience;
use crate::value::FieldType;

/// What a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Entity {
    /// A customer's account in the product.
    Account,
    /// The organisation behind accounts.
    Company,
    /// A support thread.
    Conversation,
    /// Something that happened.
    Event,
    /// An end user.
    Person,
    /// A person's role in an account.
    Role,
    /// A product, region or business unit.
    Site,
    /// What an account pays for.
    Subscription,
}

impl Entity {
    /// Every entity.
    pub const ALL: [Self; 8] = [
        Self::Account,
        Self::Company,
        Self::Conversation,
        Self::Event,
        Self::Person,
        Self::Role,
        Self::Site,
        Self::Subscription,
    ];

    /// The word in field paths and policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Company => "company",
            Self::Conversation => "conversation",
            Self::Event => "event",
            Self::Person => "person",
            Self::Role => "role",
            Self::Site => "site",
            Self::Subscription => "subscription",
        }
    }

    /// What rows of it belong to, one each; roles and events have none of their own.
    #[must_use]
    pub const fn root_kind(self) -> Option<RootKind> {
        match self {
            Self::Account => Some(RootKind::Account),
            Self::Company => Some(RootKind::Company),
            Self::Conversation => Some(RootKind::Conversation),
            Self::Person => Some(RootKind::Person),
            Self::Site => Some(RootKind::Site),
            Self::Subscription => Some(RootKind::Subscription),
            Self::Event | Self::Role => None,
        }
    }
}

impl From<RootKind> for Entity {
    fn from(kind: RootKind) -> Self {
        match kind {
            RootKind::Account => Self::Account,
            RootKind::Company => Self::Company,
            RootKind::Conversation => Self::Conversation,
            RootKind::Person => Self::Person,
            RootKind::Site => Self::Site,
            RootKind::Subscription => Self::Subscription,
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Entity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|entity| entity.as_str() == text)
            .ok_or(())
    }
}

/// A field's full name, `entity.key`: `account.privateRevenue`, `event.checkout.failed.reason`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath(Arc<str>);

impl FieldPath {
    /// Joins an entity and a key; `None` unless the key is camelCase words joined by points (one
    /// word, except for events).
    #[must_use]
    pub fn new(entity: Entity, key: &str) -> Option<Self> {
        let words = key.split('.').count();
        let well_formed =
            key.split('.').all(is_camel_case) && (words == 1 || entity == Entity::Event);
        (well_formed && key.len() <= 128).then(|| Self(format!("{entity}.{key}").into()))
    }

    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the entity.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, key)| key)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A word that starts with a small letter and goes on with letters, digits or `_`.
#[must_use]
pub fn is_camel_case(word: &str) -> bool {
    let mut letters = word.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// How much harm a field's disclosure does. Later is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Sensitivity {
    /// Anyone may know.
    Public,
    /// Within the organisation.
    Internal,
    /// Within the teams that need it.
    Confidential,
    /// Only by an explicit `show`.
    Restricted,
}

impl Sensitivity {
    /// Every level, the least first.
    pub const ALL: [Self; 4] = [
        Self::Public,
        Self::Internal,
        Self::Confidential,
        Self::Restricted,
    ];

    /// The word in definitions and policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }
}

impl fmt::Display for Sensitivity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Sensitivity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or(())
    }
}

/// The audiences that a field is safe for: a hard gate that no policy lifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SafeFor(u8);

impl SafeFor {
    /// Safe for nobody.
    pub const NONE: Self = Self(0);

    /// The same with one audience more.
    #[must_use]
    pub const fn with(self, audience: Audience) -> Self {
        Self(self.0 | 1 << audience as u8)
    }

    /// Whether the audience is among them.
    #[must_use]
    pub const fn contains(self, audience: Audience) -> bool {
        self.0 & (1 << audience as u8) != 0
    }

    /// What is safe in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The audiences, in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Audience> {
        Audience::ALL
            .into_iter()
            .filter(move |audience| self.contains(*audience))
    }
}

impl FromIterator<Audience> for SafeFor {
    fn from_iter<I: IntoIterator<Item = Audience>>(audiences: I) -> Self {
        audiences.into_iter().fold(Self::NONE, Self::with)
    }
}

/// How a masked value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MaskKind {
    /// Nothing but that it is masked: the strictest.
    Null,
    /// `•••`.
    Redact,
    /// `a•••@example.com`.
    Email,
    /// The last two digits.
    Phone,
    /// The last four characters.
    Last4,
    /// The year of a time.
    Year,
    /// A range that holds the number.
    Bucket,
    /// `A. L.`.
    Initials,
    /// A keyed hash, equal for equal values within one workspace.
    Hash,
}

impl MaskKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Null,
        Self::Redact,
        Self::Email,
        Self::Phone,
        Self::Last4,
        Self::Year,
        Self::Bucket,
        Self::Initials,
        Self::Hash,
    ];

    /// The word in definitions and policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Redact => "redact",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Last4 => "last4",
            Self::Year => "year",
            Self::Bucket => "bucket",
            Self::Initials => "initials",
            Self::Hash => "hash",
        }
    }

    /// The mask that two masks make together: `null` is the strictest, then `redact`, and any two
    /// others together become `redact`.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => Self::Null,
            (a, b) if a == b => a,
            _ => Self::Redact,
        }
    }
}

impl fmt::Display for MaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MaskKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// Where a field is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Lifecycle {
    /// Being written: hidden from everyone, takes no values.
    Draft,
    /// In use.
    Active,
    /// Still in use, not to be built upon.
    Deprecated,
}

impl Lifecycle {
    /// Every stage.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Active, Self::Deprecated];

    /// The word in definitions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Deprecated => "deprecated",
        }
    }
}

impl FromStr for Lifecycle {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or(())
    }
}

/// A catalogued field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// `entity.key`.
    pub path: FieldPath,
    /// What it belongs to.
    pub entity: Entity,
    /// What values it takes.
    pub ty: FieldType,
    /// The team or member to ask; empty only for drafts.
    pub owner: Arc<str>,
    /// What it means, for people.
    pub description: Arc<str>,
    /// Names of the sources that may deliver it, the most trusted first; empty: any source.
    pub sources: Vec<Arc<str>>,
    /// Names under which payloads carry it, beside its own key.
    pub traits: Vec<Arc<str>>,
    /// The identifier type whose value this field shows.
    pub identifier: Option<IdentifierType>,
    /// How much harm its disclosure does.
    pub sensitivity: Sensitivity,
    /// The audiences it is safe for.
    pub safe_for: SafeFor,
    /// The mask of a `mask` statement that names none.
    pub mask: MaskKind,
    /// Microseconds after which a value is stale.
    pub freshness: Option<i64>,
    /// Whether callers may filter by it.
    pub filterable: bool,
    /// Whether search finds its root by the words of it; only texts of roots.
    pub searchable: bool,
    /// Free words that policies may name with `tag:`.
    pub tags: Vec<Arc<str>>,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Values to show in documentation, never a customer's.
    pub examples: Vec<Arc<str>>,
}

/// A catalogued event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `checkout.failed`.
    pub name: Arc<str>,
    /// Names under which sources send it, beside its own: `Checkout Failed`.
    pub aliases: Vec<Arc<str>>,
    /// The field that says that it happened.
    pub occurrence: FieldIdx,
    /// Its properties: the key in payloads, and the field.
    pub properties: Vec<(Arc<str>, FieldIdx)>,
}

/// The names of an event and its properties, before their fields have a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNames {
    /// `checkout.failed`.
    pub name: Arc<str>,
    /// Names under which sources send it, beside its own.
    pub aliases: Vec<Arc<str>>,
    /// The keys of its properties in payloads.
    pub properties: Vec<Arc<str>>,
}

/// A field's place in its version's catalog. Meaningless in any other version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldIdx(pub u32);

impl FieldIdx {
    /// As an index into a slice that is parallel to [`Catalog::fields`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every field and event of one version, sorted by path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    fields: Vec<Field>,
    by_path: HashMap<Arc<str>, FieldIdx>,
    /// For each entity and payload name, the field.
    by_trait: HashMap<(Entity, Arc<str>), FieldIdx>,
    by_identifier: HashMap<IdentifierType, FieldIdx>,
    events: Vec<Event>,
    by_event_name: HashMap<Arc<str>, usize>,
}

impl Catalog {
    /// Builds from fields, those of events included. The caller has made sure that paths are unique
    /// and every event has its fields.
    #[must_use]
    pub fn new(mut fields: Vec<Field>, events: Vec<EventNames>) -> Self {
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        let mut catalog = Self {
            fields,
            ..Self::default()
        };
        for (position, field) in catalog.fields.iter().enumerate() {
            let idx = FieldIdx(u32::try_from(position).unwrap_or(u32::MAX));
            catalog.by_path.insert(Arc::clone(&field.path.0), idx);
            let names = field
                .traits
                .iter()
                .cloned()
                .chain([Arc::from(field.path.key())]);
            for name in names {
                catalog.by_trait.entry((field.entity, name)).or_insert(idx);
            }
            if let Some(identifier) = field.identifier {
                catalog.by_identifier.entry(identifier).or_insert(idx);
            }
        }
        for EventNames {
            name,
            aliases,
            properties,
        } in events
        {
            let Some(occurrence) = catalog.find(&format!("event.{name}")) else {
                continue;
            };
            let properties = properties
                .into_iter()
                .filter_map(|key| {
                    Some((
                        Arc::clone(&key),
                        catalog.find(&format!("event.{name}.{key}"))?,
                    ))
                })
                .collect();
            let position = catalog.events.len();
            for known in aliases.iter().chain([&name]) {
                catalog.by_event_name.insert(Arc::clone(known), position);
            }
            catalog.events.push(Event {
                name,
                aliases,
                occurrence,
                properties,
            });
        }
        catalog
    }

    /// Every field, sorted by path.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Every field with its place.
    pub fn iter(&self) -> impl Iterator<Item = (FieldIdx, &Field)> {
        self.fields
            .iter()
            .zip(0..)
            .map(|(field, position)| (FieldIdx(position), field))
    }

    /// The field at a place of this catalog.
    #[must_use]
    pub fn get(&self, idx: FieldIdx) -> Option<&Field> {
        self.fields.get(idx.index())
    }

    /// The place of the field with this full path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<FieldIdx> {
        self.by_path.get(path).copied()
    }

    /// The field that an entity's payload carries under this name.
    #[must_use]
    pub fn by_trait(&self, entity: Entity, name: &str) -> Option<FieldIdx> {
        self.by_trait.get(&(entity, Arc::from(name))).copied()
    }

    /// The field that shows identifiers of this type.
    #[must_use]
    pub fn by_identifier(&self, kind: IdentifierType) -> Option<FieldIdx> {
        self.by_identifier.get(&kind).copied()
    }

    /// Every event.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The event that a source calls by this name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&Event> {
        self.events.get(*self.by_event_name.get(name)?)
    }
}
