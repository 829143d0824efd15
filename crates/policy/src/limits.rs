//! How large policies may be. Every loop over them is bounded by one of these.

/// Most statements in one version, over all files.
pub const MAX_STATEMENTS: usize = 2_000;
/// Deepest nesting of parentheses and `not` in a condition.
pub const MAX_NESTING: usize = 32;
/// Most tests in the conditions of one statement.
pub const MAX_TESTS: usize = 256;
/// Most items in one list, and most selectors or purposes in one statement.
pub const MAX_ITEMS: usize = 500;
/// Longest text in quotes, in bytes.
pub const MAX_TEXT_BYTES: usize = 1_024;
/// Most findings reported for one file; what lies behind them is seen once they are mended.
pub const MAX_FINDINGS: usize = 100;
/// Longest chain of states that depend on states.
pub const MAX_STATE_CHAIN: usize = 16;
