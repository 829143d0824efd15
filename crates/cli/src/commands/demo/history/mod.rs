//! Two years of customers beside the demo's cast: the life stories of `demo/history.toml`, told from a
//! seed and a given now. The same seed and now tell the same lives.

mod life;
mod people;
mod script;
mod talk;

use fastrand::Rng;
use kith_domain::Timestamp;
use serde_json::{Value as Json, json};

use self::life::{Account, Life};
use self::people::Cast;
use self::script::Script;
use super::files::HISTORY;
use crate::failure::Failure;

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As Segment's clients send it.
    Segment,
    /// A record of [`super::desk`].
    Desk,
}

/// A message, and the source that sends it.
pub(super) struct Sent {
    pub(super) source: String,
    pub(super) form: Form,
    pub(super) at: Timestamp,
    pub(super) message: Json,
}

/// Everything that happened until now, in order of time.
pub(super) fn until(now: Timestamp) -> Result<Vec<Sent>, Failure> {
    tell(&read()?, now)
}

fn read() -> Result<Script, Failure> {
    toml::from_str(HISTORY)
        .map_err(|error| Failure::machine(format!("the demo's history: {error}")))
}

fn tell(script: &Script, now: Timestamp) -> Result<Vec<Sent>, Failure> {
    let mut cast = Cast::new(script);
    let mut sent = Vec::new();
    let lives = script
        .story
        .values()
        .flat_map(|story| story.people.iter().map(move |people| (story, *people)));
    for (number, (story, people)) in lives.enumerate() {
        // Each account draws for itself, so that a change of one story leaves the others as they are.
        let seed = script.seed.wrapping_add(number as u64);
        let mut chance = Rng::with_seed(seed);
        let account = Account::new(script, number, &mut chance)?;
        let people = cast.take(people, &account)?;
        let life = Life::new(script, story, account, people, now, chance);
        sent.extend(life.tell(number as u64)?);
    }
    sent.extend(sites(script, &sent));
    sent.sort_by_key(|one| one.at);
    for (form, name) in [(Form::Segment, "history"), (Form::Desk, "desk")] {
        let of_form = sent.iter_mut().filter(|one| one.form == form);
        for (number, one) in of_form.enumerate() {
            if let Some(message) = one.message.as_object_mut() {
                let id = json!(format!("{name}-{number:05}"));
                message.insert("messageId".to_owned(), id);
            }
        }
    }
    Ok(sent)
}

/// The business units, as old as the oldest account.
fn sites(script: &Script, sent: &[Sent]) -> Vec<Sent> {
    let Some(at) = sent.iter().map(|one| one.at).min() else {
        return Vec::new();
    };
    let site = |site: &script::Site| Sent {
        source: "crm".to_owned(),
        form: Form::Desk,
        at,
        message: json!({
            "at": at, "site": site.key, "fields": { "name": site.name, "hours": site.hours },
        }),
    };
    script.site.iter().map(site).collect()
}

/// Whole days, or parts of them, in microseconds.
fn days(days: f64) -> i64 {
    const MICROS_PER_DAY: f64 = 86_400e6;
    (days * MICROS_PER_DAY) as i64
}

/// The script holds less than it names.
fn lacks(what: &str) -> Failure {
    Failure::machine(format!("the demo's history lacks {what}"))
}

#[cfg(test)]
mod tests;
