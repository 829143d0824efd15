//! What the demo's sources send, through the door that anyone's events come through.

use std::collections::HashMap;

use kith_connectors::segment::Route;
use kith_domain::Timestamp;
use kith_domain::time::{MICROS_PER_SECOND, parse_duration};
use kith_engine::{Engine, Ingested};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::files::EVENTS;
use crate::failure::Failure;

/// A line of `events.ndjson`.
#[derive(Deserialize)]
struct Line {
    source: String,
    message: Json,
}

/// Delivers every message with its source's key, in the order in which they happened. Times count
/// from `start`, so that the same messages are sent however often the demo runs.
pub(super) async fn feed(
    engine: &Engine,
    keys: &HashMap<&'static str, String>,
    start: Timestamp,
) -> Result<Ingested, Failure> {
    let start = start.plus_micros(-start.micros().rem_euclid(MICROS_PER_SECOND));
    let mut total = Ingested::default();
    for (source, batch) in batches(start)? {
        let key = keys.get(source.as_str()).ok_or_else(|| {
            Failure::machine(format!(
                "the demo's events name a source `{source}` without a key"
            ))
        })?;
        let body = json!({ "batch": batch }).to_string();
        let kept = engine
            .ingest(Some(key), &Route::Batch, body.as_bytes())
            .await?;
        total.kept += kept.kept;
        total.duplicates += kept.duplicates;
        total.quarantined += kept.quarantined;
    }
    Ok(total)
}

/// The messages, with neighbours of one source in one batch.
fn batches(start: Timestamp) -> Result<Vec<(String, Vec<Json>)>, Failure> {
    let mut batches: Vec<(String, Vec<Json>)> = Vec::new();
    for text in EVENTS.lines() {
        let mut line: Line = serde_json::from_str(text)
            .map_err(|error| Failure::machine(format!("the demo's events: {error}")))?;
        set_times(&mut line.message, start);
        match batches.last_mut() {
            Some((source, batch)) if *source == line.source => batch.push(line.message),
            _ => batches.push((line.source, vec![line.message])),
        }
    }
    Ok(batches)
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

    #[test]
    fn times_count_from_the_start_and_all_else_stands() {
        let start = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
        let mut json =
            json!({"a": ["now-PT9H", "now", "nowhere"], "b": {"c": "now+P8DT20H"}, "d": 1});
        set_times(&mut json, start);
        let expect = json!({
            "a": ["2026-11-24T03:00:00Z", "now", "nowhere"],
            "b": {"c": "2026-12-03T08:00:00Z"},
            "d": 1,
        });
        assert_eq!(json, expect);
        let sent = batches(start).unwrap();
        let messages = sent.iter().map(|(_, batch)| batch.len()).sum::<usize>();
        assert_eq!(messages, EVENTS.lines().count());
        assert!(!json!(sent).to_string().contains("\"now"));
    }
}
