//! The nouns of Kith, as the design names them, and nothing that touches the world: no clock, no
//! randomness, no files, no network. Everything here is a value, or a rule about values.
//!
//! Read `definitions` first: a version of a workspace's definitions is what every other crate
//! decides by.

pub mod actor;
pub mod catalog;
pub mod definitions;
pub mod diagnostic;
pub mod fact;
pub mod id;
pub mod identifier;
pub mod proof;
pub mod purpose;
pub mod relation;
pub mod runtime;
pub mod time;
pub mod value;

pub use actor::{Actor, Agent, AgentKind, Member, Principal, Scope, Scopes};
pub use catalog::{
    Catalog, Entity, Field, FieldIdx, FieldPath, Lifecycle, MaskKind, SafeFor, Sensitivity,
};
pub use definitions::{Case, Ceilings, Definitions, PolicyFile};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use identifier::{Identifier, IdentifierType, RootKind};
pub use proof::ProofMethod;
pub use purpose::{Audience, Purpose};
pub use relation::Relation;
pub use runtime::{Clock, Entropy, Runtime};
pub use time::Timestamp;
pub use value::{Currency, Decimal, FieldType, Value, ValueError};
