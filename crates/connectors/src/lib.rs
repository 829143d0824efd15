//! Foreign payloads become facts. Each module speaks one source's format, as its real clients send
//! it, and knows nothing of the catalog: the engine checks what the facts say.

mod entries;
pub mod hook;
mod observed;
mod original;
pub mod posthog;
pub mod segment;
