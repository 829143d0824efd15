//! First inputs: real files of this repository, and the inputs that once broke a target.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Folders of definitions.
const DEFINITIONS: &[&str] = &[
    "demo/definitions",
    "crates/testkit/definitions",
    "crates/policy/tests/definitions",
];

const FILTERS: &[&str] = &[
    r#"account.plan == "growth""#,
    r#"account.plan in ["growth", "trial"] and not (account.region is absent)"#,
    "account.privateRevenue > 1000 or account.privateRevenue <= 12.50 EUR",
    "account.createdAt < now - 30 days",
    "account.region in user.regions",
    r#"person.email == "ada@example.com""#,
    "not (not (account.seatsActive >= 3))",
];

const WORDS: &[&str] = &[
    "acc_01h455vb4pex5vsknk084sn02q",
    "kith_secret_01h455vb4pex5vsknk084sn02q_abcdefghijklmnopqrstuvwxyz",
    "2026-11-24T05:47:06.25Z",
    "2026-11-24",
    "P30D",
    "15 minutes",
    "-12.50",
    "9223372036854.775807",
    "EUR",
    "Ada@Example.com",
];

const JSON: &[&str] = &[
    "true",
    "-3",
    "12.5",
    "1e308",
    r#""growth""#,
    r#""2026-11-24T05:47:06Z""#,
    r#""PT36H""#,
    r#"["vip", "late"]"#,
    r#"{"amount": "12.50", "currency": "EUR"}"#,
    r#"{"amount": 12500000, "currency": "USD"}"#,
];

/// The first inputs of a target, in a fixed order.
///
/// # Errors
/// If a file of the checkout cannot be read.
pub fn seeds(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("..");
    let of = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let mut all: Vec<Vec<u8>> = match target {
        "policy" => {
            let mut texts = Vec::new();
            for folder in DEFINITIONS {
                for path in files(&root.join(folder))? {
                    if path.extension().is_some_and(|has| has == "kith") {
                        texts.push(fs::read(path)?);
                    }
                }
            }
            texts
        }
        "definitions" => {
            let mut folders = Vec::new();
            for folder in DEFINITIONS {
                folders.push(joined(&root.join(folder))?);
            }
            folders
        }
        "segment" => {
            let mut bodies = Vec::new();
            for path in files(&root.join("crates/connectors/src/segment/fixtures"))? {
                for route in *b"bit" {
                    bodies.push([vec![route], fs::read(&path)?].concat());
                }
            }
            let events = fs::read_to_string(root.join("demo/events.ndjson"))?;
            let lines = events.lines().zip(b"itgapsb".iter().cycle());
            bodies.extend(lines.map(|(line, route)| [&[*route], line.as_bytes()].concat()));
            bodies
        }
        "posthog" => {
            let fixtures = files(&root.join("crates/connectors/src/posthog/fixtures"))?;
            let bodies: Result<Vec<_>, _> = fixtures.iter().map(fs::read).collect();
            bodies?
        }
        "hook" => of(HOOKS),
        "filter" => of(FILTERS),
        "value" => of(JSON),
        "word" => of(WORDS),
        "token" => crate::tokens::seeds(),
        _ => Vec::new(),
    };
    for path in files(&here.join("corpus").join(target)).unwrap_or_default() {
        all.push(fs::read(path)?);
    }
    Ok(all)
}

/// One delivery of each sender of webhooks.
const HOOKS: &[&str] = &[
    r#"0{"id":"evt_1","type":"customer.subscription.updated","created":1795521540,"data":{"object":{"id":"sub_1","customer":"cus_1","status":"past_due","currency":"eur","items":{"data":[{"quantity":5,"price":{"unit_amount":4900}}]}}}}"#,
    r#"1[{"eventId":1,"subscriptionType":"contact.propertyChange","objectId":123,"propertyName":"email","propertyValue":"ada@acme.example","occurredAt":1795521540000}]"#,
    r#"2{"event":"message_created","id":900,"content":"<p>Hello</p>","message_type":"incoming","conversation":{"id":42,"status":"open","meta":{"sender":{"id":7}}}}"#,
    r#"3{"data":{"item":{"type":"conversation","id":"215","state":"open","source":{"id":"403","body":"<p>Hello</p>","author":{"type":"user","id":"7"}}}}}"#,
    r#"4{"type":"zen:event-type:ticket.comment_added","detail":{"id":"35","status":"OPEN"},"event":{"comment":{"id":"1","body":"Hello"}}}"#,
    r#"5{"batch":[{"type":"track","userId":"usr_1","event":"Checkout Failed"}]}"#,
];

/// Every file below a folder, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// A folder as one text.
fn joined(folder: &Path) -> io::Result<Vec<u8>> {
    let mut text = String::new();
    for path in files(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        text += &format!("=== {}\n{}", name.display(), fs::read_to_string(&path)?);
    }
    Ok(text.into_bytes())
}
