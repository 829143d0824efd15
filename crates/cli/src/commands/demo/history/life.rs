//! One account lives its story: what its people do, and what each source says of it.

use fastrand::Rng;
use kith_domain::Timestamp;
use serde_json::{Value as Json, json};

use super::people::Person;
use super::script::{Act, Facts, Region, Script, Story, Told, Value};
use super::talk::Talks;
use super::{Form, Sent, days, lacks};
use crate::failure::Failure;

/// Who tells of people and of what they do.
const PRODUCT: &str = "product";

/// An account, before anything happens.
pub(super) struct Account<'a> {
    pub(super) name: &'a str,
    business_unit: &'a str,
    region: &'a Region,
    pub(super) csm: &'a str,
}

impl<'a> Account<'a> {
    /// The account at this place: business units and regions take turns.
    pub(super) fn new(
        script: &'a Script,
        number: usize,
        chance: &mut Rng,
    ) -> Result<Self, Failure> {
        let name = script.names.accounts.get(number);
        let turn = number / script.site.len().max(1);
        let business_unit = script.site.iter().cycle().nth(number);
        let business_unit = business_unit.map(|site| site.key.as_str());
        let region = script.region.iter().cycle().nth(turn);
        let region = region.ok_or_else(|| lacks("regions"))?;
        Ok(Self {
            name: name.ok_or_else(|| lacks("names of accounts"))?,
            business_unit: business_unit.ok_or_else(|| lacks("business units"))?,
            region,
            csm: chance
                .choice(&region.csms)
                .ok_or_else(|| lacks("success managers"))?,
        })
    }

    /// The name as a part of addresses and keys.
    pub(super) fn domain(&self) -> String {
        let letters = self.name.chars().filter(char::is_ascii_alphanumeric);
        letters.collect::<String>().to_lowercase()
    }
}

/// A life that is being told.
pub(super) struct Life<'a> {
    script: &'a Script,
    story: &'a Story,
    account: Account<'a>,
    key: String,
    /// With when they joined.
    people: Vec<(Timestamp, Person)>,
    opened: Timestamp,
    now: Timestamp,
    last_seen: Timestamp,
    /// Conversations that are still open.
    open: i64,
    chance: Rng,
    sent: Vec<Sent>,
}

impl<'a> Life<'a> {
    pub(super) fn new(
        script: &'a Script,
        story: &'a Story,
        account: Account<'a>,
        people: Vec<Person>,
        now: Timestamp,
        mut chance: Rng,
    ) -> Self {
        let opened = now.plus_micros(-days(between(&mut chance, story.opened_days_ago)));
        let lived = now.micros_since(opened) as f64;
        let joined = people.into_iter().enumerate().map(|(place, person)| {
            // Those who begin are there at once; the others follow, most of them early.
            let later = if place < 3 {
                0.0
            } else {
                chance.f64().powi(2) * 0.8
            };
            let hours = days(place as f64 / 24.0);
            (opened.plus_micros((lived * later) as i64 + hours), person)
        });
        let people = joined.collect();
        Self {
            script,
            story,
            key: format!("ws_{}", account.domain()),
            account,
            people,
            opened,
            now,
            last_seen: opened,
            open: 0,
            chance,
            sent: Vec::new(),
        }
    }

    /// Everything that is sent of it; `number` is the account's.
    pub(super) fn tell(mut self, number: u64) -> Result<Vec<Sent>, Failure> {
        self.opening();
        self.arrivals()?;
        let acts = &self.story.act;
        let begins: Vec<_> = acts.iter().map(|act| self.begin(act)).collect();
        for (place, act) in acts.iter().enumerate() {
            let begin = begins.get(place).copied().unwrap_or(self.now);
            let end = begins.get(place + 1).copied().unwrap_or(self.now);
            self.play(act, begin, end)?;
        }
        let talks = Talks {
            script: self.script,
            story: self.story,
            account: &self.account,
            key: &self.key,
            people: &self.people,
            opened: self.opened,
            now: self.now,
            open: self.open,
        };
        let talks = talks.tell(number)?;
        self.sent.extend(talks);
        Ok(self.sent)
    }

    fn begin(&self, act: &Act) -> Timestamp {
        match (act.after, act.ago) {
            (_, Some(ago)) => self.now.plus_micros(-days(ago)),
            (after, None) => self.opened.plus_micros(days(after.unwrap_or(0.0))),
        }
    }

    fn opening(&mut self) {
        let Account {
            name,
            business_unit,
            region,
            csm,
        } = self.account;
        let region = region.name.as_str();
        let opened = self.opened;
        let product = json!({ "name": name, "createdAt": opened, "region": region, "businessUnit": business_unit });
        let crm = json!({ "region": region, "businessUnit": business_unit, "csm": csm });
        self.group(PRODUCT, opened, &product);
        let at = opened.plus_micros(days(1.0));
        self.group("crm", at, &crm);
        let site = json!({ "at": at, "account": self.key, "site": business_unit });
        self.sent.push(Sent {
            source: "crm".to_owned(),
            form: Form::Desk,
            at,
            message: site,
        });
    }

    fn arrivals(&mut self) -> Result<(), Failure> {
        let people = std::mem::take(&mut self.people);
        for (place, (joined, person)) in people.iter().enumerate() {
            let place_of = self.chance.choice(&self.account.region.people);
            let (locale, timezone) = place_of.ok_or_else(|| lacks("locales"))?;
            let title = self.chance.choice(&self.script.names.titles);
            let title = title.ok_or_else(|| lacks("titles"))?;
            let mut traits = json!({
                "name": person.name, "email": person.email, "role": person.role, "title": title,
                "locale": locale, "timezone": timezone, "mfaEnabled": self.chance.bool(),
            });
            if let (0, Some(traits)) = (place, traits.as_object_mut()) {
                // Numbers that no telephone has.
                let phone = format!("+1 202 555 01{:02}", self.chance.u8(0..100));
                traits.insert("phone".to_owned(), json!(phone));
            }
            let message = json!({
                "type": "identify", "timestamp": joined, "userId": person.user, "traits": traits,
                "context": { "groupId": self.key },
            });
            self.send(PRODUCT, *joined, message);
        }
        self.people = people;
        Ok(())
    }

    fn play(&mut self, act: &Act, begin: Timestamp, end: Timestamp) -> Result<(), Failure> {
        let minutes = |minutes: f64| days(minutes / 24.0 / 60.0);
        let mut at = begin;
        for once in &act.once {
            at = at.plus_micros(minutes(self.chance.f64().mul_add(20.0, 4.0)));
            self.happen(&once.event, &once.with, at)?;
        }
        for (source, facts) in &act.facts {
            at = at.plus_micros(minutes(3.0));
            let traits = self.draw(facts)?;
            if let Some(open) = traits.get("openConversations").and_then(Json::as_i64) {
                self.open = open;
            }
            self.group(source, at, &Json::Object(traits));
        }
        let length = end.micros_since(begin);
        let weeks = length as f64 / days(7.0) as f64;
        for (event, weekly) in &act.weekly {
            let times = weekly.mul_add(weeks, self.chance.f64()) as usize;
            for _ in 0..times {
                let at = self.moment(begin, end);
                self.happen(event, &Facts::new(), at)?;
            }
        }
        for event in &act.monthly {
            let mut at = begin.plus_micros(days(0.3));
            while at < end {
                self.happen(event, &Facts::new(), at)?;
                at = at.plus_micros(days(30.0));
            }
        }
        Ok(())
    }

    /// Some moment of an act, by daylight if it is long enough.
    fn moment(&mut self, begin: Timestamp, end: Timestamp) -> Timestamp {
        let at = begin.plus_micros((end.micros_since(begin) as f64 * self.chance.f64()) as i64);
        let night = at.micros().rem_euclid(days(1.0));
        let hour = between(&mut self.chance, (7.0, 18.0)) / 24.0;
        let by_day = at.plus_micros(days(hour) - night);
        if by_day > begin && by_day < end {
            by_day
        } else {
            at
        }
    }

    fn happen(&mut self, event: &str, with: &Facts, at: Timestamp) -> Result<(), Failure> {
        // What would be after now has not happened.
        if at >= self.now {
            return Ok(());
        }
        let found = self.script.event.get(event);
        let found = found.ok_or_else(|| lacks(&format!("the event `{event}`")))?;
        let mut properties = self.draw(&found.properties)?;
        properties.extend(self.draw(with)?);
        let there = self.people.iter().filter(|(joined, person)| {
            let role = found.role.as_deref();
            role.map_or(*joined <= at, |role| role == person.role)
        });
        let there: Vec<_> = there.map(|(_, person)| person.user.as_str()).collect();
        let who = self.chance.choice(&there).copied();
        let who = who.or_else(|| self.people.first().map(|(_, person)| person.user.as_str()));
        let message = json!({
            "type": "track", "timestamp": at, "userId": who, "event": event, "properties": properties,
            "context": { "groupId": self.key },
        });
        if found.source == PRODUCT {
            self.last_seen = self.last_seen.max(at);
        }
        self.send(&found.source, at, message);
        Ok(())
    }

    fn group(&mut self, source: &str, at: Timestamp, traits: &Json) {
        let message =
            json!({ "type": "group", "timestamp": at, "groupId": self.key, "traits": traits });
        self.send(source, at, message);
    }

    fn send(&mut self, source: &str, at: Timestamp, message: Json) {
        let source = source.to_owned();
        self.sent.push(Sent {
            source,
            form: Form::Segment,
            at,
            message,
        });
    }

    fn draw(&mut self, facts: &Facts) -> Result<Told, Failure> {
        let facts = facts.iter();
        facts
            .map(|(key, value)| Ok((key.clone(), self.value(value)?)))
            .collect()
    }

    fn value(&mut self, value: &Value) -> Result<Json, Failure> {
        let chance = &mut self.chance;
        Ok(match value {
            Value::Itself(json) => json.clone(),
            Value::Between { from, to, step } => {
                let step = step.unwrap_or(1).max(1);
                json!(from + chance.i64(0..=(to - from) / step) * step)
            }
            Value::OneOf { one_of } => chance
                .choice(one_of)
                .ok_or_else(|| lacks("a choice"))?
                .clone(),
            Value::SomeOf { some_of } => {
                let number = chance.usize(1..=some_of.len().max(1));
                json!(chance.choose_multiple(some_of, number))
            }
            Value::Days { days: range } => {
                json!(self.now.plus_micros(days(between(chance, *range))))
            }
            Value::Opened { opened_days } => json!(self.opened.plus_micros(days(*opened_days))),
            Value::LastEvent { .. } => json!(self.last_seen),
        })
    }
}

pub(super) fn between(chance: &mut Rng, (from, to): (f64, f64)) -> f64 {
    (to - from).mul_add(chance.f64(), from)
}
