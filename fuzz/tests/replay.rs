//! Every target holds for real files, for what once broke it, and for small changes of both. The same
//! changes on each run.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use std::time::{Duration, Instant};

use kith_fuzz::{find, seeds};
use kith_policy::limits;

/// Changed inputs of each target.
const CHANGED: u64 = 2_000;
/// Longest input that is changed: longer ones are replayed as they are.
const MAX_BYTES: usize = 4_096;
/// What words and marks are made of in any of the formats.
const PIECES: &[&str] = &[
    "",
    " ",
    "\n",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\\",
    "-",
    ".",
    ",",
    "=",
    "#",
    "\0",
    "é",
    "\u{1F980}",
    "not ",
    " and ",
    " or ",
    " in ",
    "null",
    "true",
    "1e999",
    "99999999999999999999",
    "=== x.toml\n",
    "account.plan",
    "allow ",
    "when ",
];

/// Small, and the same on each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).unwrap()
    }
}

fn changed(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        let end = (at + dice.roll(24)).min(bytes.len());
        let with = match dice.roll(4) {
            0 => Vec::new(),
            1 => vec![u8::try_from(dice.roll(256)).unwrap()],
            2 => PIECES[dice.roll(PIECES.len())].as_bytes().to_vec(),
            _ => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len());
                let to = (from + dice.roll(64)).min(other.len());
                other[from..to].to_vec()
            }
        };
        bytes.splice(at..end, with);
    }
    bytes
}

fn replay(name: &str) {
    let target = find(name).unwrap();
    let seeds = seeds(name).unwrap();
    assert!(seeds.len() > 2, "few inputs to begin with");
    for seed in &seeds {
        (target.run)(seed);
    }
    let small: Vec<_> = seeds
        .into_iter()
        .filter(|seed| seed.len() <= MAX_BYTES)
        .collect();
    if small.is_empty() {
        return;
    }
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..CHANGED {
        (target.run)(&changed(&mut dice, &small));
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn none_is_left_out() {
            let names: Vec<_> = kith_fuzz::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

replays! { policy filter definitions segment posthog hook value word token }

/// What is too large is told so, and nobody waits for it: a whole body of the worst takes far less than
/// these seconds, which are for machines that do much else.
#[test]
fn what_is_too_large_is_told_so_quickly() {
    let when = |condition: &str| format!("allow support.view when {condition}");
    let items = vec!["\"a\""; limits::MAX_ITEMS + 1].join(", ");
    let tests = vec!["account.plan == \"growth\""; limits::MAX_TESTS + 1].join(" and ");
    let long = "x".repeat(limits::MAX_TEXT_BYTES + 1);
    let statements: Vec<_> = (0..limits::MAX_STATEMENTS * 5)
        .map(|number| format!("hide account.region when account.region == \"{number}\"\n"))
        .collect();
    let cases = [
        (
            when(&"(".repeat(200_000)),
            "conditions nest at most 32 deep",
        ),
        (
            when(&"not ".repeat(200_000)),
            "conditions nest at most 32 deep",
        ),
        (
            when(&format!("account.plan in [{items}]")),
            "a list has at most 500 items",
        ),
        (when(&tests), "a statement has at most 256 tests"),
        (
            when(&format!("account.plan == \"{long}\"")),
            "a text has at most 1024 bytes",
        ),
        (
            statements.concat(),
            "a workspace has at most 2000 statements",
        ),
        (
            "hide account.region\n".repeat(10_000),
            "more findings; mend those above first",
        ),
        ("a".repeat(1_000_000), ""),
        (
            "\"".repeat(200_000),
            "expected a statement, found a text in quotes",
        ),
    ];
    for (text, expect) in cases {
        let start = Instant::now();
        let found = kith_fuzz::findings(&text);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(30), "{expect}: took {took:?}");
        assert!(
            found.iter().any(|found| found.message.contains(expect)),
            "{expect}: {found:?}"
        );
        assert!(
            found.len() <= 2 * limits::MAX_FINDINGS,
            "{expect}: {}",
            found.len()
        );
    }
}
