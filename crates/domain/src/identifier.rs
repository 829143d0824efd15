//! Identifiers: typed external keys of people, accounts and the other roots. Which ones are junk, how they
//! are normalised, and how many of a type one root may have.

mod normal;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest identifier, in bytes.
pub const MAX_IDENTIFIER_BYTES: usize = 512;

/// What kind of thing an identifier leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RootKind {
    /// A customer's account.
    Account,
    /// The organisation behind accounts.
    Company,
    /// A support thread.
    Conversation,
    /// An end user.
    Person,
    /// A product, region or business unit.
    Site,
    /// What an account pays for.
    Subscription,
}

impl RootKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Account,
        Self::Company,
        Self::Conversation,
        Self::Person,
        Self::Site,
        Self::Subscription,
    ];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Company => "company",
            Self::Conversation => "conversation",
            Self::Person => "person",
            Self::Site => "site",
            Self::Subscription => "subscription",
        }
    }

    /// Whether a key that ships in browsers may speak of one at all.
    #[must_use]
    pub const fn is_open_to_public_keys(self) -> bool {
        matches!(self, Self::Account | Self::Person)
    }
}

macro_rules! identifier_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $root:ident, priority $priority:literal, limit $limit:literal;)*) => {
        /// The type of an identifier.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum IdentifierType {
            $($(#[$doc])* $name,)*
        }

        impl IdentifierType {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The type's name everywhere: `userId`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What an identifier of this type leads to.
            #[must_use]
            pub const fn root_kind(self) -> RootKind {
                match self { $(Self::$name => RootKind::$root,)* }
            }

            /// Lower is stronger: stronger edges are accepted first.
            #[must_use]
            pub const fn priority(self) -> u8 {
                match self { $(Self::$name => $priority,)* }
            }

            /// Most identifiers of this type that one root may have.
            #[must_use]
            pub const fn limit(self) -> usize {
                match self { $(Self::$name => $limit,)* }
            }
        }
    };
}

identifier_types! {
    /// The product's own key of a person.
    UserId = "userId", Person, priority 1, limit 1;
    /// An email address.
    Email = "email", Person, priority 2, limit 5;
    /// A person's key in a CRM or help desk, where one person may well have several.
    ContactId = "contactId", Person, priority 3, limit 20;
    /// A phone number.
    Phone = "phone", Person, priority 4, limit 5;
    /// A device.
    DeviceId = "deviceId", Person, priority 5, limit 20;
    /// A browser or app before sign-in.
    AnonymousId = "anonymousId", Person, priority 6, limit 100;
    /// The product's own key of an account.
    GroupId = "groupId", Account, priority 1, limit 1;
    /// A customer in Stripe.
    StripeCustomer = "stripeCustomer", Account, priority 2, limit 5;
    /// A company's key in a CRM or in the product.
    CompanyId = "companyId", Company, priority 1, limit 5;
    /// A web domain of a company.
    Domain = "domain", Company, priority 2, limit 20;
    /// A subscription's key in billing or in the product.
    SubscriptionId = "subscriptionId", Subscription, priority 1, limit 1;
    /// A conversation's key in the help desk.
    ConversationId = "conversationId", Conversation, priority 1, limit 1;
    /// The name of a site, as the organisation has it.
    SiteKey = "siteKey", Site, priority 1, limit 1;
}

impl IdentifierType {
    /// Whether it names somebody, and not just a browser or a device.
    #[must_use]
    pub const fn names_somebody(self) -> bool {
        !matches!(self, Self::AnonymousId | Self::DeviceId)
    }
}

impl fmt::Display for IdentifierType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no identifier type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown identifier type: expected one of {}", IdentifierType::ALL.iter().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", "))]
pub struct UnknownIdentifierType;

impl FromStr for IdentifierType {
    type Err = UnknownIdentifierType;

    fn from_str(text: &str) -> Result<Self, UnknownIdentifierType> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownIdentifierType)
    }
}

impl Serialize for IdentifierType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for IdentifierType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An identifier that was normalised and is no junk.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    kind: IdentifierType,
    value: Arc<str>,
}

/// Why a text is no identifier. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// A placeholder such as `null` or `anonymous`, which would merge strangers.
    #[error("a placeholder such as `null`, `anonymous`, `noreply@` or zeros identifies nobody")]
    Junk,
    /// A domain under which anyone registers one, which would merge strangers.
    #[error("a public suffix such as `co.uk` is nobody's domain: send the one registered under it")]
    PublicSuffix,
    /// A domain at which anyone has a mailbox, which would merge strangers.
    #[error("anyone has a mailbox at this domain: it is no company's own")]
    FreeMail,
    /// Longer than [`MAX_IDENTIFIER_BYTES`].
    #[error("longer than {MAX_IDENTIFIER_BYTES} bytes")]
    TooLong,
    /// Holds NUL or another control character.
    #[error("holds a control character")]
    ControlCharacter,
    /// An email address without exactly one `@` between a name and a domain.
    #[error("not an email address: send one such as `ada@example.com`")]
    NotAnEmail,
    /// A phone number that is no international one.
    #[error(
        "not an international phone number: send one with its country code, such as `+49 30 5550100`"
    )]
    NotAPhone,
    /// Not the name of a domain.
    #[error("not a domain: send one such as `example.com`")]
    NotADomain,
}

impl IdentifierError {
    /// Whether it is of its type, and identifies nobody all the same.
    #[must_use]
    pub const fn is_junk(self) -> bool {
        matches!(self, Self::Junk | Self::PublicSuffix | Self::FreeMail)
    }
}

impl Identifier {
    /// Normalises and checks. Surrounding space goes; emails become lower case, phone numbers E.164, and
    /// domains the one that was registered under a public suffix, in its ASCII form.
    ///
    /// # Errors
    /// If the text is junk, too long, or not of its type.
    pub fn new(kind: IdentifierType, text: &str) -> Result<Self, IdentifierError> {
        let trimmed = text.trim();
        if trimmed.len() > MAX_IDENTIFIER_BYTES {
            return Err(IdentifierError::TooLong);
        }
        if trimmed.chars().any(char::is_control) {
            return Err(IdentifierError::ControlCharacter);
        }
        if normal::is_junk(trimmed) {
            return Err(IdentifierError::Junk);
        }
        let value = match kind {
            IdentifierType::Email => normal::email(trimmed)?,
            IdentifierType::Domain => normal::domain(trimmed)?,
            IdentifierType::Phone => normal::phone(trimmed)?,
            _ => trimmed.into(),
        };
        // Lower case may be longer.
        if value.len() > MAX_IDENTIFIER_BYTES {
            return Err(IdentifierError::TooLong);
        }
        Ok(Self { kind, value })
    }

    /// One that the store holds: it was normalised by the rules of its day.
    #[must_use]
    pub fn stored(kind: IdentifierType, value: &str) -> Self {
        Self {
            kind,
            value: value.into(),
        }
    }

    /// The type.
    #[must_use]
    pub const fn kind(&self) -> IdentifierType {
        self.kind
    }

    /// The normalised text.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Shows the type alone: identifiers are customer values and stay out of logs.
impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.kind)
    }
}

#[cfg(test)]
#[path = "identifier/tests.rs"]
mod tests;
