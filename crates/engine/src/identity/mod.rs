//! Identity resolution: which identifiers are of one root: a person, an account, a company and so on. It
//! follows from the facts and from what people decide; what exceeds a bound waits for them.

mod decide;
mod lane;
mod place;
mod resolve;
pub mod similar;
mod suggest;

pub use decide::{Ruled, Ruling};
pub(crate) use place::{Placed, place};
pub use suggest::Suggested;
