//! Identifiers: typed external keys of people, accounts and the other roots. Which ones are junk, how they
//! are normalised, and how many of a type one root may have.

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
    #[error("a placeholder such as `null`, `anonymous` or zeros identifies nobody")]
    Junk,
    /// Longer than [`MAX_IDENTIFIER_BYTES`].
    #[error("longer than {MAX_IDENTIFIER_BYTES} bytes")]
    TooLong,
    /// Holds NUL or another control character.
    #[error("holds a control character")]
    ControlCharacter,
    /// An email address without exactly one `@` between two parts.
    #[error("not an email address")]
    NotAnEmail,
}

impl Identifier {
    /// Normalises and checks. Surrounding space goes; emails become lower case.
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
        if is_junk(trimmed) {
            return Err(IdentifierError::Junk);
        }
        let value = match kind {
            IdentifierType::Email => normal_email(trimmed)?,
            IdentifierType::Domain => normal_domain(trimmed)?,
            _ => trimmed.into(),
        };
        // Lower case may be longer.
        if value.len() > MAX_IDENTIFIER_BYTES {
            return Err(IdentifierError::TooLong);
        }
        Ok(Self { kind, value })
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

fn normal_email(text: &str) -> Result<Arc<str>, IdentifierError> {
    let (local, domain) = text.split_once('@').ok_or(IdentifierError::NotAnEmail)?;
    let plausible = !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !text.contains(char::is_whitespace);
    if plausible {
        Ok(text.to_lowercase().into())
    } else {
        Err(IdentifierError::NotAnEmail)
    }
}

/// Without the dots of the root, which must not leave junk: `.`, `null.`.
fn normal_domain(text: &str) -> Result<Arc<str>, IdentifierError> {
    let domain = text
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
        .to_lowercase();
    if is_junk(&domain) {
        return Err(IdentifierError::Junk);
    }
    Ok(domain.into())
}

const JUNK: &[&str] = &[
    "",
    "-1",
    "null",
    "nil",
    "none",
    "undefined",
    "nan",
    "true",
    "false",
    "anonymous",
    "guest",
    "user",
    "id",
    "email",
    "distinct_id",
    "test",
    "[object object]",
    "00000000-0000-0000-0000-000000000000",
];

/// Placeholders that clients send where an identifier should be; also quoted, in any case.
fn is_junk(trimmed: &str) -> bool {
    let bare = trimmed
        .trim_matches(|c| matches!(c, '"' | '\'' | '`'))
        .trim()
        .to_lowercase();
    JUNK.contains(&bare.as_str()) || bare.chars().all(|c| matches!(c, '0' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_identify_nobody() {
        for junk in [
            "",
            "  ",
            "NULL",
            "'null'",
            "\"undefined\"",
            "0",
            "000-000",
            "[object Object]",
            "-1",
            "Guest ",
        ] {
            assert_eq!(
                Identifier::new(IdentifierType::UserId, junk),
                Err(IdentifierError::Junk),
                "{junk:?}"
            );
        }
        assert!(Identifier::new(IdentifierType::UserId, "10").is_ok());
        assert!(Identifier::new(IdentifierType::UserId, "nullable").is_ok());
    }

    #[test]
    fn emails_are_normalised_and_user_ids_are_not() {
        let email = Identifier::new(IdentifierType::Email, " Ada@Example.COM ").unwrap();
        assert_eq!(email.value(), "ada@example.com");
        let user = Identifier::new(IdentifierType::UserId, " Ada ").unwrap();
        assert_eq!(user.value(), "Ada");
        for bad in ["ada", "@example.com", "ada@", "a@b@c", "a b@c"] {
            assert_eq!(
                Identifier::new(IdentifierType::Email, bad),
                Err(IdentifierError::NotAnEmail),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_domain_is_no_junk_without_its_dots_either() {
        let domain = |text: &str| Identifier::new(IdentifierType::Domain, text);
        assert_eq!(domain("Example.COM.").unwrap().value(), "example.com");
        for junk in [".", "..", ". .", "null.", "0."] {
            assert_eq!(domain(junk), Err(IdentifierError::Junk), "{junk:?}");
        }
        // What is short enough before it is made lower case may not be after.
        let long = "İ".repeat(MAX_IDENTIFIER_BYTES / 2);
        assert_eq!(domain(&long), Err(IdentifierError::TooLong));
    }

    #[test]
    fn debug_output_hides_the_value() {
        let user = Identifier::new(IdentifierType::UserId, "usr_2481").unwrap();
        assert_eq!(format!("{user:?}"), "userId:…");
    }
}
