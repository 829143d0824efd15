//! What an account's people write to the support desk, and what comes of it.

use fastrand::Rng;
use kith_domain::Timestamp;
use kith_domain::time::format_duration;
use serde_json::{Value as Json, json};

use super::life::{Account, between};
use super::people::Person;
use super::script::{Script, Story, Topic};
use super::{Form, Sent, days, lacks};
use crate::failure::Failure;

/// Who tells of conversations.
const SUPPORT: &str = "support";
/// Mixed into the seed, so that lives stay as they are whatever their people write about.
const SEED: u64 = 0x5eed;

/// The conversations of one account.
pub(super) struct Talks<'a> {
    pub(super) script: &'a Script,
    pub(super) story: &'a Story,
    pub(super) account: &'a Account<'a>,
    pub(super) key: &'a str,
    /// With when they joined.
    pub(super) people: &'a [(Timestamp, Person)],
    pub(super) opened: Timestamp,
    pub(super) now: Timestamp,
    /// So many are still open; every other one is solved.
    pub(super) open: i64,
}

impl Talks<'_> {
    /// Everything that is sent of them; `number` is the account's.
    pub(super) fn tell(&self, number: u64) -> Result<Vec<Sent>, Failure> {
        let mut chance = Rng::with_seed(self.script.seed.wrapping_add(number) ^ SEED);
        let lived = self.now.micros_since(self.opened);
        let years = lived as f64 / days(365.0) as f64;
        let mut begun: Vec<(Timestamp, &Topic)> = Vec::new();
        for (name, yearly) in &self.story.talks {
            let topic = self.script.topic.get(name);
            let topic = topic.ok_or_else(|| lacks(&format!("the topic `{name}`")))?;
            let times = yearly.mul_add(years, chance.f64()) as usize;
            for _ in 0..times {
                let at = (lived as f64 * between(&mut chance, (0.05, 0.98))) as i64;
                begun.push((self.opened.plus_micros(at), topic));
            }
        }
        begun.sort_by_key(|(at, _)| *at);
        let mut sent = Vec::new();
        for (place, (at, topic)) in begun.into_iter().enumerate() {
            let key = format!("desk_{number:02}{place:03}");
            sent.extend(self.talk(&mut chance, &key, at, topic, false)?);
        }
        let first = self.story.talks.keys().next();
        let topic = first.and_then(|name| self.script.topic.get(name));
        for place in 0..self.open {
            let topic = topic.ok_or_else(|| lacks("a topic of what is open"))?;
            let at = self
                .now
                .plus_micros(-days(between(&mut chance, (0.05, 1.5))));
            let key = format!("desk_{number:02}9{place:02}");
            sent.extend(self.talk(&mut chance, &key, at, topic, true)?);
        }
        Ok(sent)
    }

    fn talk(
        &self,
        chance: &mut Rng,
        key: &str,
        at: Timestamp,
        topic: &Topic,
        is_open: bool,
    ) -> Result<Vec<Sent>, Failure> {
        let one_of = |chance: &mut Rng, words: &[String]| {
            let word = chance.choice(words).cloned();
            word.ok_or_else(|| lacks("words of a topic"))
        };
        let there = self.people.iter().filter(|(joined, person)| {
            let role = topic.role.as_deref();
            *joined <= at && role.is_none_or(|role| role == person.role)
        });
        let there: Vec<_> = there.map(|(_, person)| person).collect();
        let first = self.people.first().map(|(_, person)| person);
        let person = chance.choice(&there).copied().or(first);
        let person = person.ok_or_else(|| lacks("people"))?;
        let member = self.account.csm;

        let mut sent = Vec::new();
        let mut say = |at: Timestamp, record: Json| {
            let mut message = record;
            if let Some(message) = message.as_object_mut() {
                message.insert("conversation".to_owned(), json!(key));
                message.insert("at".to_owned(), json!(at));
            }
            sent.push(Sent {
                source: SUPPORT.to_owned(),
                form: Form::Desk,
                at,
                message,
            });
        };
        let subject = one_of(chance, &topic.subjects)?;
        let channel = one_of(chance, &topic.channels)?;
        let opened = json!({
            "subject": subject, "channel": channel, "status": "open", "assignee": member,
        });
        say(
            at,
            json!({ "account": self.key, "person": person.user, "fields": opened }),
        );
        let length = days(between(chance, topic.hours) / 24.0);
        let length = length.min(self.now.micros_since(at) * 9 / 10);
        let turns = topic
            .says
            .iter()
            .take(if is_open { 1 } else { topic.says.len() });
        let step = length / topic.says.len().max(1) as i64;
        for (turn, body) in turns.enumerate() {
            let at = at.plus_micros(step * turn as i64);
            let record = if turn % 2 == 0 {
                let fields = json!({ "body": body, "authorName": person.name });
                json!({ "author": "person", "person": person.user, "fields": fields })
            } else {
                json!({ "author": "member", "fields": { "body": body, "authorName": member } })
            };
            say(at, record);
        }
        if is_open {
            return Ok(sent);
        }
        if let Some(note) = topic.note.as_ref().filter(|_| chance.bool()) {
            let record = json!({ "author": "member", "note": true, "fields": { "body": note } });
            say(at.plus_micros(step / 2), record);
        }
        let mut solved = json!({
            "status": "solved", "resolution": one_of(chance, &topic.resolutions)?,
            "resolutionTime": format_duration(length), "reopened": chance.u8(0..10) == 0,
        });
        // Two of three end users say how content they are.
        if let (0..2, Some(solved)) = (chance.u8(0..3), solved.as_object_mut()) {
            let (from, to) = topic.csat;
            solved.insert("csat".to_owned(), json!(chance.i64(from..=to)));
        }
        say(at.plus_micros(length), json!({ "fields": solved }));
        Ok(sent)
    }
}
