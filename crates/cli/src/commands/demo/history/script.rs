//! What `demo/history.toml` may say.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// Life stories, and what they are made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) seed: u64,
    /// The business units.
    pub(super) site: Vec<Site>,
    pub(super) region: Vec<Region>,
    pub(super) names: Names,
    pub(super) event: IndexMap<String, Event>,
    /// What people write to the support desk about.
    pub(super) topic: IndexMap<String, Topic>,
    /// By what they are about.
    pub(super) story: IndexMap<String, Story>,
}

/// Where accounts are served.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Region {
    pub(super) name: String,
    pub(super) csms: Vec<String>,
    /// Locale and time zone of people there.
    pub(super) people: Vec<(String, String)>,
}

/// A business unit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Site {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) hours: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    /// Who writes; anyone, if nobody is named.
    pub(super) role: Option<String>,
    pub(super) subjects: Vec<String>,
    pub(super) channels: Vec<String>,
    /// In turns: theirs, ours.
    pub(super) says: Vec<String>,
    pub(super) note: Option<String>,
    pub(super) resolutions: Vec<String>,
    pub(super) csat: (i64, i64),
    /// How long until it is solved.
    pub(super) hours: (f64, f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    pub(super) accounts: Vec<String>,
    pub(super) given: Vec<String>,
    pub(super) family: Vec<String>,
    pub(super) titles: Vec<String>,
}

/// Something that can happen in an account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    /// The source that tells it.
    pub(super) source: String,
    /// Who does it; anyone, if nobody is named.
    pub(super) role: Option<String>,
    #[serde(default)]
    pub(super) properties: Facts,
}

/// A life that several accounts live.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    pub(super) opened_days_ago: (f64, f64),
    /// One number for each account.
    pub(super) people: Vec<usize>,
    /// How often in a year people write about a topic.
    pub(super) talks: IndexMap<String, f64>,
    pub(super) act: Vec<Act>,
}

/// A part of a life, until the next one begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    /// Days since the account was opened, at which it begins.
    pub(super) after: Option<f64>,
    /// Days before now, at which it begins.
    pub(super) ago: Option<f64>,
    /// What happens as it begins, in this order.
    #[serde(default)]
    pub(super) once: Vec<Once>,
    /// How often something happens, by the event's name.
    #[serde(default)]
    pub(super) weekly: IndexMap<String, f64>,
    /// What happens every 30 days.
    #[serde(default)]
    pub(super) monthly: Vec<String>,
    /// What each source says of the account then.
    #[serde(default)]
    pub(super) facts: IndexMap<String, Facts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Once {
    pub(super) event: String,
    /// Properties in the place of the event's own.
    #[serde(default)]
    pub(super) with: Facts,
}

/// Values by name.
pub(super) type Facts = IndexMap<String, Value>;

/// A value, or how it is drawn.
#[derive(Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Value {
    Between {
        from: i64,
        to: i64,
        step: Option<i64>,
    },
    OneOf {
        one_of: Vec<Json>,
    },
    SomeOf {
        some_of: Vec<Json>,
    },
    Days {
        days: (f64, f64),
    },
    Opened {
        opened_days: f64,
    },
    LastEvent {
        #[serde(rename = "last_event")]
        _last_event: bool,
    },
    Itself(Json),
}

/// What a source is told of something.
pub(super) type Told = Map<String, Json>;
