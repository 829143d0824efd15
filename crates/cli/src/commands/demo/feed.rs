//! What the demo's sources send, through the door that anyone's events come through.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _, stderr};

use kith_connectors::segment::Route;
use kith_domain::Timestamp;
use kith_domain::fact::Decoder;
use kith_domain::time::{MICROS_PER_SECOND, parse_duration};
use kith_engine::{Engine, Ingested};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::desk::Desk;
use super::files::{DESK, EVENTS};
use super::history::{self, Form};
use crate::failure::Failure;
use crate::output::Output;

/// Most messages of the history that are sent at once.
const BATCH: usize = 500;

/// A line of `events.ndjson` or `desk.ndjson`.
#[derive(Deserialize)]
struct Line {
    source: String,
    message: Json,
}

/// Messages of one form that a source sends at once.
struct Batch {
    source: String,
    form: Form,
    messages: Vec<Json>,
}

/// Delivers every message with its source's key. Times count from `start`, so that the same messages
/// are sent however often the demo runs.
pub(super) async fn feed(
    engine: &Engine,
    output: Output,
    keys: &HashMap<&'static str, String>,
    start: Timestamp,
) -> Result<Ingested, Failure> {
    let start = start.plus_micros(-start.micros().rem_euclid(MICROS_PER_SECOND));
    let mut batches = past(start)?;
    batches.extend(cast(start)?);
    let all: usize = batches.iter().map(|batch| batch.messages.len()).sum();
    let progress = Progress::of(output, all);
    let mut total = Ingested::default();
    for batch in batches {
        let source = batch.source;
        let key = keys.get(source.as_str()).ok_or_else(|| {
            Failure::machine(format!(
                "the demo's events name a source `{source}` without a key"
            ))
        })?;
        let messages = batch.messages;
        let (decoder, body): (&dyn Decoder, Json) = match batch.form {
            Form::Segment => (&Route::Batch, json!({ "batch": messages })),
            Form::Desk => (&Desk, messages.into()),
        };
        let body = body.to_string();
        let kept = engine.ingest(Some(key), decoder, body.as_bytes()).await?;
        total.kept += kept.kept;
        total.duplicates += kept.duplicates;
        total.quarantined += kept.quarantined;
        progress.show(total.kept + total.duplicates);
    }
    progress.end();
    Ok(total)
}

/// The history, each source's own in batches: what came when does not matter to what comes of it.
fn past(start: Timestamp) -> Result<Vec<Batch>, Failure> {
    let mut batches: Vec<Batch> = Vec::new();
    for sent in history::until(start)? {
        let open = batches.iter_mut().find(|batch| {
            batch.source == sent.source && batch.form == sent.form && batch.messages.len() < BATCH
        });
        match open {
            Some(batch) => batch.messages.push(sent.message),
            None => batches.push(Batch {
                source: sent.source,
                form: sent.form,
                messages: vec![sent.message],
            }),
        }
    }
    Ok(batches)
}

/// The cast's messages in the order in which they happened, with neighbours of one source in one
/// batch.
fn cast(start: Timestamp) -> Result<Vec<Batch>, Failure> {
    let mut batches: Vec<Batch> = Vec::new();
    for (form, lines) in [(Form::Segment, EVENTS), (Form::Desk, DESK)] {
        for text in lines.lines() {
            let mut line: Line = serde_json::from_str(text)
                .map_err(|error| Failure::machine(format!("the demo's events: {error}")))?;
            set_times(&mut line.message, start);
            match batches.last_mut() {
                Some(batch) if batch.source == line.source && batch.form == form => {
                    batch.messages.push(line.message);
                }
                _ => batches.push(Batch {
                    source: line.source,
                    form,
                    messages: vec![line.message],
                }),
            }
        }
    }
    Ok(batches)
}

/// How far the delivery is, on a terminal and nowhere else.
struct Progress {
    shown: bool,
    all: usize,
}

impl Progress {
    fn of(output: Output, all: usize) -> Self {
        let shown = !output.json && stderr().is_terminal();
        Self { shown, all }
    }

    fn show(&self, done: usize) {
        if self.shown {
            let _ = write!(stderr(), "\rdelivered {done} of {} messages", self.all);
        }
    }

    /// Leaves the line as if nothing had been there.
    fn end(&self) {
        if self.shown {
            let _ = write!(stderr(), "\r{:60}\r", "");
        }
    }
}

/// Puts times in the place of `now-PT9H` and the like.
fn set_times(json: &mut Json, start: Timestamp) {
    match json {
        Json::String(text) => {
            if let Some(at) = time(text, start) {
                *text = at.to_string();
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| set_times(item, start)),
        Json::Object(object) => object.values_mut().for_each(|item| set_times(item, start)),
        _ => {}
    }
}

fn time(text: &str, start: Timestamp) -> Option<Timestamp> {
    let offset = text.strip_prefix("now")?;
    let micros = match offset.split_at_checked(1)? {
        ("-", length) => -parse_duration(length)?,
        ("+", length) => parse_duration(length)?,
        _ => return None,
    };
    Some(start.plus_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
    }

    #[test]
    fn times_count_from_the_start_and_all_else_stands() {
        let mut json =
            json!({"a": ["now-PT9H", "now", "nowhere"], "b": {"c": "now+P8DT20H"}, "d": 1});
        set_times(&mut json, start());
        let expect = json!({
            "a": ["2026-11-24T03:00:00Z", "now", "nowhere"],
            "b": {"c": "2026-12-03T08:00:00Z"},
            "d": 1,
        });
        assert_eq!(json, expect);
        let sent = cast(start()).unwrap();
        let messages: Vec<_> = sent.iter().flat_map(|batch| &batch.messages).collect();
        let lines = EVENTS.lines().chain(DESK.lines());
        assert_eq!(messages.len(), lines.count());
        assert!(!json!(messages).to_string().contains("\"now"));
    }

    #[test]
    fn the_history_goes_out_whole_in_batches_of_one_source() {
        let sent = past(start()).unwrap();
        let messages: usize = sent.iter().map(|batch| batch.messages.len()).sum();
        assert_eq!(messages, history::until(start()).unwrap().len());
        assert!(sent.iter().all(|batch| batch.messages.len() <= BATCH));
    }
}
