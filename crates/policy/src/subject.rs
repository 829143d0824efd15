//! What a request is about: the rows that it binds, and the proof of who is asking about them.

use kith_domain::{Entity, FieldIdx, Value};

pub use kith_domain::ProofMethod;

/// Typed values of one entity's row. What was not set is absent.
///
/// The catalog is sorted by path, so the fields of one entity lie together: values are kept in a
/// slice that starts at the first field that was set.
#[derive(Clone, PartialEq, Default)]
pub struct Row {
    first: u32,
    values: Vec<Option<Value>>,
}

impl Row {
    /// A row without values.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            first: 0,
            values: Vec::new(),
        }
    }

    /// Sets the value of a field of this row's entity.
    pub fn set(&mut self, field: FieldIdx, value: Value) {
        if self.values.is_empty() {
            self.first = field.0;
        }
        if field.0 < self.first {
            let missing = (self.first - field.0) as usize;
            self.values
                .splice(0..0, std::iter::repeat_with(|| None).take(missing));
            self.first = field.0;
        }
        let position = (field.0 - self.first) as usize;
        if position >= self.values.len() {
            self.values.resize(position + 1, None);
        }
        if let Some(place) = self.values.get_mut(position) {
            *place = Some(value);
        }
    }

    /// The value of a field; `None` if it is absent.
    #[must_use]
    pub fn get(&self, field: FieldIdx) -> Option<&Value> {
        let position = field.0.checked_sub(self.first)? as usize;
        self.values.get(position)?.as_ref()
    }
}

impl std::fmt::Debug for Row {
    /// Values are a customer's: only their number is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let present = self.values.iter().flatten().count();
        write!(f, "Row({present} values)")
    }
}

/// Whether the end user of this request is proven to be the subject person, active in the subject
/// account. The default is that nothing is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SignedIdentity {
    /// Whether it is proven of this very subject.
    pub proven: bool,
    /// How; reads as absent while nothing is proven.
    pub method: Option<ProofMethod>,
}

/// The rows that a request binds. `None` is unbound, and all that is asked of it is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// `account.*`.
    pub account: Option<&'a Row>,
    /// `company.*`.
    pub company: Option<&'a Row>,
    /// `conversation.*`.
    pub conversation: Option<&'a Row>,
    /// `person.*`.
    pub person: Option<&'a Row>,
    /// `role.*`: the person's role in the account.
    pub role: Option<&'a Row>,
    /// `site.*`.
    pub site: Option<&'a Row>,
    /// `subscription.*`.
    pub subscription: Option<&'a Row>,
    /// `signedIdentity` and `identity.method`.
    pub signed_identity: SignedIdentity,
}

impl<'a> Subject<'a> {
    /// Nothing bound, nothing proven.
    pub(crate) const fn nothing() -> Self {
        Self {
            account: None,
            company: None,
            conversation: None,
            person: None,
            role: None,
            site: None,
            subscription: None,
            signed_identity: SignedIdentity {
                proven: false,
                method: None,
            },
        }
    }

    /// The row that is bound for an entity. Events are never bound.
    #[must_use]
    pub const fn row(&self, entity: Entity) -> Option<&'a Row> {
        match entity {
            Entity::Account => self.account,
            Entity::Company => self.company,
            Entity::Conversation => self.conversation,
            Entity::Event => None,
            Entity::Person => self.person,
            Entity::Role => self.role,
            Entity::Site => self.site,
            Entity::Subscription => self.subscription,
        }
    }

    /// Binds a row of an entity. Events are never bound.
    pub const fn bind(&mut self, entity: Entity, row: &'a Row) {
        let place = match entity {
            Entity::Account => &mut self.account,
            Entity::Company => &mut self.company,
            Entity::Conversation => &mut self.conversation,
            Entity::Event => return,
            Entity::Person => &mut self.person,
            Entity::Role => &mut self.role,
            Entity::Site => &mut self.site,
            Entity::Subscription => &mut self.subscription,
        };
        *place = Some(row);
    }
}
