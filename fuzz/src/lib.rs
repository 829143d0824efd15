//! Whatever reads bytes from outside, as functions that must hold for any bytes: none panics, none
//! hangs, and what one way says another does not contradict. The tests replay the inputs
//! that once broke one, and thousands of small changes of real files.

#![expect(clippy::expect_used, reason = "a target stops at what must never be")]

mod formats;
mod language;
mod seeds;
mod tokens;

pub use language::findings;
pub use seeds::seeds;

/// A function that must hold for any bytes.
#[derive(Debug)]
pub struct Target {
    /// How it is called on the command line.
    pub name: &'static str,
    /// What it reads.
    pub about: &'static str,
    /// Panics if it does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "policy",
        about: "a policy file: parse, format, check, specialise, decide in every way",
        run: language::policy,
    },
    Target {
        name: "filter",
        about: "a caller's filter: read, bind to a plan, ask of rows",
        run: language::filter,
    },
    Target {
        name: "definitions",
        about: "a definitions folder, its files divided by lines of `=== path`",
        run: language::definitions,
    },
    Target {
        name: "segment",
        about: "the body of an ingest request; its first byte is the short route",
        run: formats::segment,
    },
    Target {
        name: "posthog",
        about: "the body of a request of PostHog's clients",
        run: formats::posthog,
    },
    Target {
        name: "hook",
        about: "the body of a webhook; its first byte is the sender, from `0`",
        run: formats::hook,
    },
    Target {
        name: "value",
        about: "JSON as every type of field reads and keeps it",
        run: formats::value,
    },
    Target {
        name: "word",
        about: "ids, keys, times, lengths of time, numbers and identifiers",
        run: formats::word,
    },
    Target {
        name: "token",
        about: "what proves an end user: JWT and HMAC",
        run: tokens::token,
    },
];

/// The target of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
