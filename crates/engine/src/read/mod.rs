//! The governed read: from a request to a [`Governed`] answer, and no other way out.

mod account;
mod answer;
mod around;
mod as_of;
mod audit_log;
mod context;
mod conversation;
mod cursor;
mod decisions;
mod governed;
mod identity;
mod journey;
mod line;
mod list;
mod mistakes;
mod proof;
mod reviews;
mod standing;
mod subject;

pub use account::{AccountAnswer, AccountRequest, AccountSummary, PersonItem};
pub use answer::{
    AccountItem, Context, EntityAnswer, Explanation, FieldAnswer, FieldExplanation, IdAnswer,
    JourneyItem, OriginAnswer, PropertyAnswer, SignedIdentityAnswer, StateAnswer, Withheld,
};
pub use around::{AroundAnswer, SubscriptionItem};
pub use audit_log::{AuditPage, ConsistencyProof, InclusionProof, LeafRef};
pub(crate) use context::{Begun, statements};
pub use context::{ContextRequest, MemberRef, RootRef, SubjectRef};
pub use conversation::{AuthorAnswer, ConversationAnswer, ConversationRequest, MessageItem};
pub use decisions::{AccountDecision, Decided, Decisions, DecisionsRequest};
pub use governed::Governed;
pub(crate) use governed::{Receipt, Sealed};
pub use identity::{DecisionItem, EdgeItem, IdentifierItem, IdentityAnswer};
pub use journey::{ChangeItem, Journey, JourneyEntry, JourneyKind, JourneyOf, JourneyRequest};
pub use line::{ConversationItem, ConversationNews, OpenedItem};
pub use list::{
    FoundItem, ListRequest, Listed, Page, PageRow, RootAnswer, RootRequest, SearchPage,
    SearchRequest, SortField,
};
pub use reviews::{ReviewItem, Reviews};
pub(crate) use standing::{Standing, standing, would_be};
