//! The policy language: who may see what about a customer, for which purpose, and why.
//!
//! ```text
//! text → lexer → parser → ast → check → policies (ir) → specialise → plan → decision → reasons
//!                          └ format            └ reference (the meaning, spelt out)
//! ```
//!
//! Pure: no clock, no files, no SQL. Total: every evaluation ends, none can fail, and whatever is
//! missing or does not fit is *unknown*, which never means more access.

#[cfg(test)]
extern crate self as kith_policy;

pub mod ast;
mod batch;
mod check;
mod column;
mod decision;
pub mod diff;
mod eval;
mod explain;
mod field;
mod filter;
mod finite;
mod format;
pub mod ir;
mod key;
mod lanes;
mod lexer;
pub mod limits;
pub mod lint;
pub mod mask;
mod names;
mod outcomes;
mod parser;
mod plan;
mod policies;
pub mod predicate;
pub mod reference;
mod residual;
mod route;
mod side;
mod specialise;
mod state;
mod subject;
pub mod suite;
mod tri;

pub use batch::{Batch, Decisions, RowStates};
pub use check::check;
pub use decision::{
    Decision, Reason, ReasonCode, Refusal, RestsOn, StatementRef, TestResult, Verdict,
};
pub use filter::{Filter, GovernedFilter, NotVisible};
pub use finite::{Asked, Conditions, Is, Possible};
pub use format::{format, format_file, format_statement};
pub use key::{Asker, PlanKey};
pub use names::{Attr, ListAttr};
pub use parser::parse;
pub use plan::{FieldPlan, Plan, SharedPlan};
pub use policies::{Policies, Statement, StatementId};
pub use residual::Residual;
pub use route::Route;
pub use side::SideKind;
pub use state::{Interval, State, StateWord};
pub use subject::{ProofMethod, Row, SignedIdentity, Subject};
pub use tri::Tri;
