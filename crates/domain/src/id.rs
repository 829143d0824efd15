//! Typed ids. Inside, an id is 16 bytes of UUIDv7; at the edge it is a `TypeID` such as
//! `acc_01h455vb4pex5vsknk084sn02q`. The prefixes are fixed in the one table below.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

/// A workspace: the tenant, allotted a number by the installation. First part of every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub u64);

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Text that is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected `{prefix}_` followed by 26 characters of base 32")]
pub struct IdError {
    /// The prefix that the id should have had.
    pub prefix: &'static str,
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(Uuid);

            const _: () = {
                #[derive(Default)]
                struct Kind;

                impl StaticType for Kind {
                    const TYPE: &'static str = $prefix;
                }

                impl fmt::Display for $name {
                    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        TypeSafeId::<Kind>::from_uuid(self.0).fmt(f)
                    }
                }

                impl FromStr for $name {
                    type Err = IdError;

                    fn from_str(text: &str) -> Result<Self, IdError> {
                        text.parse::<TypeSafeId<Kind>>()
                            .map(|id| Self(id.uuid()))
                            .map_err(|_| IdError { prefix: $prefix })
                    }
                }
            };

            impl $name {
                /// The prefix of the id's text form.
                pub const PREFIX: &'static str = $prefix;

                /// An id that no row has. Reading it runs the same statements as reading a real one,
                /// so that absent and invisible take the same path.
                pub const NIL: Self = Self(Uuid::nil());

                /// Wraps a UUID that was made by [`crate::Runtime::uuid`] or read from a store.
                #[must_use]
                pub const fn from_uuid(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                /// The UUID inside.
                #[must_use]
                pub const fn uuid(self) -> Uuid {
                    self.0
                }

                /// The 16 bytes that the store keeps.
                #[must_use]
                pub const fn as_bytes(&self) -> &[u8; 16] {
                    self.0.as_bytes()
                }

                /// From the bytes that the store keeps; `None` unless there are 16.
                #[must_use]
                pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                    Uuid::from_slice(bytes).ok().map(Self)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        )*
    };
}

typed_ids! {
    /// A customer's account in the product.
    AccountId = "acc";
    /// Software that acts.
    AgentId = "agt";
    /// One entry of the audit log.
    AuditId = "aud";
    /// The organisation behind one or more accounts.
    CompanyId = "com";
    /// A support thread.
    ConversationId = "con";
    /// What somebody decided about identity: that two are one, or that they are not.
    DecisionId = "dec";
    /// Something that happened.
    EventId = "evt";
    /// A credential: an API key or a write key.
    KeyId = "key";
    /// Someone of the support organisation.
    MemberId = "mem";
    /// What somebody wrote in a conversation.
    MessageId = "msg";
    /// An identifier node: what facts hang on.
    NodeId = "nod";
    /// An end user of the product.
    PersonId = "per";
    /// A delivery, or a part of one, that the contract refused.
    QuarantineId = "qua";
    /// What waits for somebody to decide about identity.
    ReviewId = "rev";
    /// A secret that proves the identity of end users.
    SecretId = "sec";
    /// A product, region or business unit.
    SiteId = "sit";
    /// A system that calls out when something changes there.
    SourceId = "src";
    /// What an account pays for.
    SubscriptionId = "sub";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text_and_from_its_bytes() {
        let id = AccountId::from_uuid(Uuid::from_u128(0x0188_bac7_4afa_78aa_bc3b_bd1e_ef28_d881));
        assert_eq!(id.to_string(), "acc_01h2xcejqtf2nbrexx3vqjhp41");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(AccountId::from_slice(id.as_bytes()), Some(id));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let person = PersonId::NIL.to_string();
        assert_eq!(person.parse::<AccountId>(), Err(IdError { prefix: "acc" }));
        assert!("acc_".parse::<AccountId>().is_err());
        assert!("".parse::<AccountId>().is_err());
    }
}
