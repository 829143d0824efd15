//! Relations: which roots belong together, such as an account and the company behind it. They are
//! observations of a root under reserved names, and no catalogued fields: what a plan says of them is
//! what it says of the two roots.

use crate::identifier::RootKind;

/// A relation of one root to at most one other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// The company behind an account.
    AccountCompany,
    /// The site that an account belongs to.
    AccountSite,
    /// The account that a conversation is about.
    ConversationAccount,
    /// The end user of a conversation.
    ConversationPerson,
    /// The account that pays for a subscription.
    SubscriptionAccount,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 5] = [
        Self::AccountCompany,
        Self::AccountSite,
        Self::ConversationAccount,
        Self::ConversationPerson,
        Self::SubscriptionAccount,
    ];

    /// The name, as stored: no field may have it for a path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCompany => "account.company",
            Self::AccountSite => "account.site",
            Self::ConversationAccount => "conversation.account",
            Self::ConversationPerson => "conversation.person",
            Self::SubscriptionAccount => "subscription.account",
        }
    }

    /// The relation of a name; `None` if it is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|relation| relation.as_str() == name)
    }

    /// What it is stated of.
    #[must_use]
    pub const fn from(self) -> RootKind {
        match self {
            Self::AccountCompany | Self::AccountSite => RootKind::Account,
            Self::ConversationAccount | Self::ConversationPerson => RootKind::Conversation,
            Self::SubscriptionAccount => RootKind::Subscription,
        }
    }

    /// What it leads to.
    #[must_use]
    pub const fn to(self) -> RootKind {
        match self {
            Self::AccountCompany => RootKind::Company,
            Self::AccountSite => RootKind::Site,
            Self::ConversationAccount | Self::SubscriptionAccount => RootKind::Account,
            Self::ConversationPerson => RootKind::Person,
        }
    }

    /// The relation from one kind of root to another.
    #[must_use]
    pub fn between(from: RootKind, to: RootKind) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|relation| (relation.from(), relation.to()) == (from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_is_named_by_its_two_ends() {
        for relation in Relation::ALL {
            let name = format!("{}.{}", relation.from().as_str(), relation.to().as_str());
            assert_eq!(relation.as_str(), name);
            assert_eq!(Relation::named(&name), Some(relation));
            let ends = (relation.from(), relation.to());
            assert_eq!(Relation::between(ends.0, ends.1), Some(relation));
        }
        assert_eq!(Relation::named("account.plan"), None);
        assert_eq!(Relation::between(RootKind::Site, RootKind::Account), None);
    }
}
