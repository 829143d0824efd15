//! Identity resolution: which identifiers are of one person, account or company.

mod place;
mod resolve;

pub(crate) use place::{Placed, place};
