//! What policies say of *every* request, decided over finitely many.
//!
//! Whoever asks and whatever a row holds, the policies only see it through their tests, and a test
//! tells few values apart: `account.seats >= 10` knows 10, what is less, and what is more. So each
//! thing that a test reads becomes a variable with a handful of options, one for every kind of value
//! that the tests can tell apart (`universe`), and conditions, states and verdicts become decision
//! diagrams over these variables (`diagram`, `compile`): each equal to what the direct evaluator says
//! on every choice of options. A path through a diagram is a request that one can really ask
//! (`witness`).
//!
//! Where values are compared with each other in ways that no few options stand for, the test itself
//! becomes a variable that may be true, false or unknown whatever the rest. That says too much is
//! possible, never too little: what holds of all choices then still holds of every request, and what
//! fails on one of them is only believed once real values show it.

mod ask;
mod classes;
mod compile;
mod diagram;
mod options;
mod shape;
mod universe;
mod witness;

pub use ask::{Asked, Conditions, Is, Possible};
pub(crate) use compile::{Compiler, Memory};
pub(crate) use diagram::{Change, Diagram, MAX_STEPS, Op, Ref, TooLarge};
pub(crate) use shape::{Shape, ShapeSide, asks_for_kind};
pub(crate) use universe::{Key, Universe, Var};
pub(crate) use witness::Model;

#[cfg(test)]
#[path = "equal_tests.rs"]
mod equal_tests;
#[cfg(test)]
#[path = "../../tests/support/mod.rs"]
mod support;
