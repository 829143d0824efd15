//! What the demo prints around its table.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use kith_engine::{Context, Ingested};
use kith_policy::Reason;
use serde_json::{Value as Json, json};

use super::asks::{ACCOUNT, Refusal, View};
use super::setup::{AGENT, Demo, END_USER};
use super::table::table;
use crate::failure::because;
use crate::output::{count, wrapped};
use crate::show::{HIDDEN, MASKED, NONE, age};

/// The field that the demo turns on.
const PRIVATE: &str = "account.privateRevenue";
/// From then on the demo's facts look stale for no reason of the demo.
const OLD_SECONDS: i64 = 2 * 24 * 60 * 60;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const BOLD: Style = Style::new().bold();

/// Everything that one run of the demo has to tell.
pub(super) struct Report<'a> {
    pub(super) demo: &'a Demo,
    pub(super) fed: Ingested,
    pub(super) age_seconds: i64,
    pub(super) views: [View; 3],
    pub(super) refusals: [Refusal; 3],
}

impl Report<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = self.head();
        let _ = writeln!(text, "{}\n", table(&self.views));
        let _ = writeln!(
            text,
            "\
a value         visible
{YELLOW}{MASKED} a value{YELLOW:#}       masked, by the mask in brackets
{RED}{HIDDEN} above ceiling{RED:#} hidden: more sensitive than the asker's audience sees, and no `show` lifts it
{RED}{HIDDEN} not for ai{RED:#}    hidden: its owner does not call it safe for AI, and no policy lifts that
{RED}{HIDDEN} a draft{RED:#}       hidden: nobody owns the field yet
{NONE}               there is no value
"
        );
        self.checks(&mut text);
        text
    }

    fn head(&self) -> String {
        let Ingested {
            kept,
            duplicates,
            quarantined,
            ..
        } = self.fed;
        let mut text = format!(
            "{BOLD}{END_USER} in {ACCOUNT}, as three askers see them{BOLD:#}, under definitions version {}\n",
            self.demo.definitions_version
        );
        let _ = write!(
            text,
            "from {} of six sources, {duplicates} of them known already",
            count(kept + duplicates, "message")
        );
        if quarantined > 0 {
            let _ = write!(
                text,
                "; {quarantined} in quarantine: a browser claimed a role"
            );
        }
        text.push('\n');
        if self.age_seconds > OLD_SECONDS {
            let age = age(self.age_seconds);
            let _ = writeln!(
                text,
                "these facts are {age} old: remove the store's folder for fresh ones"
            );
        }
        text.push('\n');
        text
    }

    fn checks(&self, text: &mut String) {
        let [sam, lea, draft] = &self.views;
        let _ = writeln!(text, "{BOLD}Policy check{BOLD:#}");
        let identity = &draft.answer.answer().signed_identity;
        check(
            text,
            identity.verified,
            &format!(
                "signed identity {}: the end user is {END_USER}, in {ACCOUNT}",
                if identity.verified {
                    format!("verified ({})", identity.method.unwrap_or("?"))
                } else {
                    "not proven".to_owned()
                }
            ),
        );
        for (view, whom, expect) in [
            (sam, "sam", false),
            (draft, "the draft", false),
            (lea, "lea", true),
        ] {
            let withheld = view.answer.answer().withheld.iter();
            let private = withheld.clone().find(|one| one.field.as_str() == PRIVATE);
            let words = match private {
                None => format!("private revenue visible to {whom}"),
                Some(one) => {
                    format!("private revenue hidden from {whom}\n{}", why(&one.reason))
                }
            };
            check(text, private.is_none() == expect, &words);
        }
        for view in &self.views {
            let context = view.answer.answer();
            let _ = writeln!(
                text,
                "{GREEN}✓{GREEN:#} {}: {} allowed, {} and {} withheld",
                view.who,
                context.purpose,
                count(shown(context), "field"),
                context.withheld.len()
            );
            for reason in context.allowed_because.iter() {
                let _ = writeln!(text, "{}", why(reason));
            }
            let _ = writeln!(text, "    audit entry {}", view.answer.audit());
        }
        for Refusal { what, refused } in &self.refusals {
            let _ = writeln!(
                text,
                "{RED}{HIDDEN}{RED:#} {what}: {} refused",
                refused.refusal.purpose
            );
            for reason in refused.refusal.reasons.iter() {
                let _ = writeln!(text, "{}", why(reason));
            }
            let _ = writeln!(text, "    audit entry {}", refused.audit);
        }
    }

    pub(super) fn json(&self) -> Json {
        let views: Vec<_> = self
            .views
            .iter()
            .map(|view| json!({ "who": view.who, "context": view.answer }))
            .collect();
        let refusals: Vec<_> = self
            .refusals
            .iter()
            .map(|one| {
                json!({
                    "what": one.what,
                    "auditId": one.refused.audit,
                    "refusal": one.refused.refusal,
                })
            })
            .collect();
        json!({
            "workspace": self.demo.workspace,
            "messages": {
                "kept": self.fed.kept,
                "duplicates": self.fed.duplicates,
                "quarantined": self.fed.quarantined,
            },
            "views": views,
            "refusals": refusals,
        })
    }

    pub(super) fn json_with_keys(&self, url: &str) -> Json {
        let mut json = self.json();
        if let Json::Object(object) = &mut json {
            let demo = self.demo;
            object.insert("url".to_owned(), json!(url));
            object.insert("page".to_owned(), json!(self.page(url)));
            let keys = json!({
                "members": demo.member_keys,
                "agents": { AGENT: demo.agent_key },
                "sources": demo.write_keys,
            });
            object.insert("keys".to_owned(), keys);
            object.insert("identityToken".to_owned(), json!(demo.token));
        }
        json
    }

    /// The address of the account's page, with its end user in view.
    fn page(&self, url: &str) -> Option<String> {
        let [sam, ..] = &self.views;
        let Context {
            account, person, ..
        } = sam.answer.answer();
        let (account, person) = (account.as_ref()?.id, person.as_ref()?.id);
        Some(format!("{url}/accounts/{account}?person={person}"))
    }

    /// What to paste into another terminal, and to open in a browser.
    pub(super) fn invitation(&self, url: &str) -> String {
        let subject = json!({
            "person": { "type": "userId", "value": END_USER },
            "account": { "type": "groupId", "value": ACCOUNT },
        });
        let view = json!({ "purpose": "support.view", "subject": subject });
        let draft = json!({
            "purpose": "ai.draft",
            "subject": subject,
            "onBehalfOf": "sam",
            "identityToken": self.demo.token,
        });
        let event = json!({
            "userId": END_USER,
            "event": "Checkout Failed",
            "properties": { "code": "card_declined", "reason": "expired card", "amount": 249.5 },
            "context": { "groupId": ACCOUNT },
        });
        let key = |name| self.demo.member_keys.get(name).map_or("", String::as_str);
        let product = self
            .demo
            .write_keys
            .get("product")
            .map_or("", String::as_str);
        let mut text = format!(
            "{BOLD}Kith listens on {url}{BOLD:#}. Ctrl-C ends it. These keys are good until the demo runs again.\n"
        );
        if let Some(page) = self.page(url) {
            let _ = writeln!(
                text,
                "\n{BOLD}Acme on one page{BOLD:#}: open it in a browser, and give its form a key\n\
                 {page}\n  sam's key       {}\n  lea's key       {}\n  identity token  {}",
                key("sam"),
                key("lea"),
                self.demo.token,
            );
        }
        for (what, curl) in [
            ("What sam sees", post(url, "/v1/context", key("sam"), &view)),
            ("What lea sees", post(url, "/v1/context", key("lea"), &view)),
            (
                "What a draft for sam may rest on",
                post(url, "/v1/context", &self.demo.agent_key, &draft),
            ),
            (
                "Another checkout fails; ask again, and it is in the journey",
                post(url, "/v1/track", product, &event),
            ),
        ] {
            let _ = writeln!(text, "\n{BOLD}{what}{BOLD:#}\n{curl}");
        }
        text
    }
}

fn post(url: &str, path: &str, key: &str, body: &Json) -> String {
    format!(
        "curl -sS {url}{path} -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{body}'"
    )
}

fn check(text: &mut String, holds: bool, words: &str) {
    let mark = if holds {
        format!("{GREEN}✓{GREEN:#}")
    } else {
        format!("{RED}{HIDDEN}{RED:#}")
    };
    let _ = writeln!(text, "{mark} {words}");
}

fn why(reason: &Reason) -> String {
    wrapped("    ", &because(reason))
}

fn shown(context: &Context) -> usize {
    crate::commands::context::entities(context)
        .iter()
        .map(|(_, fields)| fields.len())
        .sum()
}
