//! Why data is asked for or changed: a closed set.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who receives what a purpose reveals. "Safe for" and the ceilings are said per audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// People of the support organisation.
    Support,
    /// Models that draft or answer.
    Ai,
    /// Reports and exports.
    Reporting,
    /// Rules that act by themselves.
    Automation,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Self; 4] = [Self::Support, Self::Ai, Self::Reporting, Self::Automation];

    /// The audience's name in definitions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Ai => "ai",
            Self::Reporting => "reporting",
            Self::Automation => "automation",
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Audience {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|audience| audience.as_str() == text)
            .ok_or(())
    }
}

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $audience:expr;)*) => {
        /// Why data is asked for or changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Purpose {
            $($(#[$doc])* $name,)*
        }

        impl Purpose {
            /// Every purpose.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The purpose's name everywhere: `ai.draft`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Who receives what it reveals; `None` for purposes that reveal no field by themselves.
            #[must_use]
            pub const fn audience(self) -> Option<Audience> {
                match self { $(Self::$name => $audience,)* }
            }
        }
    };
}

purposes! {
    /// Looking at a customer.
    SupportView = "support.view", Some(Audience::Support);
    /// Replying to a customer.
    SupportReply = "support.reply", Some(Audience::Support);
    /// A model drafts; a member will send it.
    AiDraft = "ai.draft", Some(Audience::Ai);
    /// A model answers the end user directly.
    AiAnswer = "ai.answer", Some(Audience::Ai);
    /// Looking at a report.
    ReportView = "report.view", Some(Audience::Reporting);
    /// Making a report.
    ReportCreate = "report.create", Some(Audience::Reporting);
    /// Taking data out.
    ExportRun = "export.run", Some(Audience::Reporting);
    /// A rule acts by itself.
    AutomationRun = "automation.run", Some(Audience::Automation);
    /// Changing accounts, people and what belongs to them.
    AccountEdit = "account.edit", None;
    /// Changing fields and events.
    CatalogEdit = "catalog.edit", None;
    /// Changing policies.
    PolicyEdit = "policy.edit", None;
    /// Connecting systems, and looking into quarantine.
    SourceManage = "source.manage", None;
    /// Joining two people into one.
    PersonMerge = "person.merge", None;
    /// Erasing a person.
    PersonErase = "person.erase", None;
    /// Managing members, agents and keys.
    MemberManage = "member.manage", None;
    /// Reading the audit log.
    AuditView = "audit.view", None;
}

impl Purpose {
    /// The purpose that a member's own side has when a purpose of AI or automation is served on
    /// their behalf; other purposes serve themselves.
    #[must_use]
    pub const fn served(self) -> Self {
        match self {
            Self::AiDraft => Self::SupportReply,
            Self::AiAnswer | Self::AutomationRun => Self::SupportView,
            other => other,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no purpose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown purpose: expected one of {}", Purpose::ALL.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", "))]
pub struct UnknownPurpose;

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        Self::ALL
            .iter()
            .copied()
            .find(|purpose| purpose.as_str() == text)
            .ok_or(UnknownPurpose)
    }
}

impl Serialize for Purpose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Purpose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
