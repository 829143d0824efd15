//! Identity resolution: which identifiers are of one root: a person, an account, a company and so on.

mod place;
mod resolve;

pub(crate) use place::{Placed, place};
