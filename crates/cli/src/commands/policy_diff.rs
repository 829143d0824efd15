//! `kith policy diff`: what a change of the definitions widens and narrows, and for whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anstyle::AnsiColor;
use kith_domain::id::{AgentId, MemberId};
use kith_domain::{Actor, Value};
use kith_engine::{CheckedDefinitions, read_definitions};
use kith_policy::diff::{Asker, Bound, Change, Comparison, Diff, RouteChange, What, Who, compare};
use serde::Serialize;

use super::{definitions, folder};
use crate::failure::Failure;
use crate::output::{Output, wrapped};
use crate::show::minute;

/// What machines get.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Compared<'a> {
    ok: bool,
    #[serde(flatten)]
    diff: &'a Diff,
}

pub(super) fn run(old: &Path, new: &Path, output: Output) -> Result<(), Failure> {
    let (old, new) = (read(old, output)?, read(new, output)?);
    let diff = compare(&old.1, &new.1).with_look_ups(&old.0, &new.0);
    let compared = Compared {
        ok: diff.is_safe(),
        diff: &diff,
    };
    output.result(&compared, || text(&diff))?;
    if diff.is_safe() {
        return Ok(());
    }
    let lines = lines(&diff);
    let changes = lines.iter().map(|line| line.change.comparison);
    let look_ups = diff.look_ups.iter().map(|change| change.comparison);
    let all: Vec<_> = changes.chain(look_ups).collect();
    let words = [
        (Comparison::Wider, "wider"),
        (Comparison::Incomparable, "incomparable"),
        (Comparison::Unproven, "unproven"),
    ];
    let counts = words.map(|(wanted, word)| {
        let number = all
            .iter()
            .filter(|comparison| **comparison == wanted)
            .count();
        (number != 0).then(|| format!("{number} {word}"))
    });
    let counts: Vec<_> = counts.into_iter().flatten().collect();
    Err(Failure::found(format!(
        "someone may see more than before: {}",
        counts.join(", ")
    )))
}

fn read(path: &Path, output: Output) -> Result<CheckedDefinitions, Failure> {
    let files = folder::read(path)?;
    read_definitions(files.clone()).map_err(|found| {
        if !output.json {
            crate::output::complain(&format!("in `{}`:", path.display()));
        }
        definitions::mistakes(&files, &found, output)
    })
}

/// What changes alike for the same askers under one purpose: a line of the table.
struct Line<'d> {
    change: &'d Change,
    what: Vec<&'d What>,
    /// Whether it is the same through an agent on the member's behalf.
    is_also_through_agent: bool,
}

impl Line<'_> {
    /// Whether another is the same but for who asks.
    fn is_like(&self, other: &Line<'_>) -> bool {
        self.change.purpose == other.change.purpose
            && self.change.comparison == other.change.comparison
            && shows(self.change) == shows(other.change)
            && self.what == other.what
    }

    fn title(&self) -> String {
        let also = if self.is_also_through_agent {
            ", also through an agent"
        } else {
            ""
        };
        let Change {
            comparison, who, ..
        } = self.change;
        format!("{} for {who}{also}", comparison.as_str())
    }
}

/// `hidden → visible`, if there is a request that shows it.
fn shows(change: &Change) -> Option<String> {
    let example = change.example.as_ref()?;
    Some(format!("{} → {}", example.before, example.after))
}

/// One line for all that changes alike.
fn lines(diff: &Diff) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for change in &diff.changes {
        let reads_alike = |line: &&mut Line<'_>| {
            line.change.who == change.who
                && line.change.purpose == change.purpose
                && line.change.comparison == change.comparison
                && shows(line.change) == shows(change)
        };
        match lines.iter_mut().find(reads_alike) {
            Some(line) => line.what.push(&change.what),
            None => lines.push(Line {
                change,
                what: vec![&change.what],
                is_also_through_agent: false,
            }),
        }
    }
    // What a member gains by themselves they mostly gain through an agent too: that is said once.
    let is_through_agent =
        |line: &Line<'_>| line.change.who.asker == Asker::AgentForMember { kind: None };
    let (through_agent, mut lines): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(is_through_agent);
    for line in through_agent {
        let member = Who {
            asker: Asker::Member,
            ..line.change.who.clone()
        };
        let own = |other: &&mut Line<'_>| other.change.who == member && other.is_like(&line);
        match lines.iter_mut().find(own) {
            Some(own) => own.is_also_through_agent = true,
            None => lines.push(line),
        }
    }
    lines
}

fn text(diff: &Diff) -> String {
    let lines = lines(diff);
    let mut sections: BTreeMap<_, Vec<&Line<'_>>> = BTreeMap::new();
    for line in &lines {
        // What is not safe first, then whoever needs the fewest roles for it.
        let Change {
            comparison, who, ..
        } = line.change;
        let roles = who.with.len() + who.without.len();
        let place = (comparison.is_safe(), roles, line.title());
        sections.entry(place).or_default().push(line);
    }
    let mut text = String::new();
    for ((_, _, title), lines) in sections {
        let comparison = lines.first().map(|line| line.change.comparison);
        let _ = writeln!(text, "{}", colored(comparison, &wrapped("", &title)));
        for line in lines {
            text.push_str(&row(line));
        }
        text.push('\n');
    }
    text.push_str(&beside(diff));
    let (same, all) = (diff.same, diff.combinations);
    let _ = write!(
        text,
        "same: {same} of {all} combinations of asker, purpose, and field or answer"
    );
    text
}

fn colored(comparison: Option<Comparison>, title: &str) -> String {
    let color = match comparison {
        Some(Comparison::Wider | Comparison::Incomparable) => AnsiColor::Red,
        Some(Comparison::Unproven) => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    };
    let (word, rest) = title.split_once(' ').unwrap_or((title, ""));
    let style = color.on_default().bold();
    format!("{style}{word}{style:#} {rest}")
}

/// Columns for the purpose, and for what changes.
const PURPOSE: usize = 16;
const WHAT: usize = 52;

fn row(line: &Line<'_>) -> String {
    let what = named(&line.what);
    let shows = shows(line.change).unwrap_or_default();
    let row = format!(
        "  {:<PURPOSE$}{what:<WHAT$}  {shows}",
        line.change.purpose.as_str()
    );
    let mut text = format!("{}\n", row.trim_end());
    if let Some(example) = &line.change.example {
        let indent = " ".repeat(PURPOSE + 2);
        let (who, about) = (asker(&example.actor), about(&example.bound));
        let _ = writeln!(
            text,
            "{}",
            wrapped(&indent, &format!("{who} asks about {about}"))
        );
    }
    text
}

/// What changes, in words that fit the column.
fn named(what: &[&What]) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut fields: Vec<&str> = Vec::new();
    for what in what {
        match what {
            What::Rows => words.push("which rows exist"),
            What::Answer => words.push("the answer"),
            What::Fields(of) => fields.extend(of.iter().map(|field| &**field)),
        }
    }
    fields.sort_unstable();
    words.extend(fields);
    let mut text = String::new();
    for (place, word) in words.iter().enumerate() {
        let left = words.len() - place;
        let end = format!(" and {left} more");
        let gap = if text.is_empty() { "" } else { ", " };
        let room = WHAT.saturating_sub(if left == 1 { 0 } else { end.len() });
        if !text.is_empty() && text.len() + gap.len() + word.len() > room {
            return text + &end;
        }
        text.push_str(gap);
        text.push_str(word);
    }
    text
}

/// Look-ups and routes.
fn beside(diff: &Diff) -> String {
    let mut text = String::new();
    for change in &diff.look_ups {
        let now = match change.comparison {
            Comparison::Wider => "now",
            _ => "no longer",
        };
        let title = format!(
            "{} for {}: it may {now} look customers up by `{}`",
            change.comparison.as_str(),
            change.purpose,
            change.identifier
        );
        let _ = writeln!(text, "{}", colored(Some(change.comparison), &title));
    }
    for RouteChange {
        before,
        after,
        example,
    } in &diff.routes
    {
        let such = example.as_ref().map_or_else(
            || "unproven: no conversation was found that shows it".to_owned(),
            |bound| format!("such as one about {}", about(bound)),
        );
        let line = format!("route: conversations that went to {before} go to {after}, {such}");
        let _ = writeln!(text, "{}", wrapped("", &line));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let mut changes = diff.changes.iter();
    if changes.any(|change| change.comparison == Comparison::Unproven) {
        text.push_str("unproven: there is too much to go through, so it may be wider\n");
    }
    text
}

fn asker(actor: &Actor) -> String {
    let member = actor.member().map(|member| {
        let mut parts = Vec::new();
        if member.id != MemberId::NIL {
            parts.push(member.id.to_string());
        }
        for (word, of) in [
            ("role", &member.roles),
            ("team", &member.teams),
            ("site", &member.sites),
            ("region", &member.regions),
        ] {
            parts.extend(of.iter().map(|name| format!("{word} `{name}`")));
        }
        if parts.is_empty() {
            parts.push("no role".to_owned());
        }
        format!("member `{}` ({})", member.name, parts.join(", "))
    });
    let agent = actor.agent().map(|agent| {
        let id = if agent.id == AgentId::NIL {
            String::new()
        } else {
            format!(" ({})", agent.id)
        };
        format!("{} agent `{}`{id}", agent.kind.as_str(), agent.name)
    });
    match (agent, member) {
        (Some(agent), Some(member)) => format!("{agent} for {member}"),
        (one, other) => one.or(other).unwrap_or_default(),
    }
}

fn about(bound: &Bound) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (entity, values) in &bound.rows {
        if values.is_empty() {
            parts.push(format!("any {entity}"));
        }
        let values = values
            .iter()
            .map(|(path, value)| format!("{path} {}", literal(value)));
        parts.extend(values);
    }
    if parts.is_empty() {
        parts.push("no row".to_owned());
    }
    let identity = bound.signed_identity;
    if identity.proven {
        let method = identity
            .method
            .map_or_else(String::new, |of| format!(" ({})", of.as_str()));
        parts.push(format!("with signed identity{method}"));
    }
    format!("{}, at {}", parts.join(", "), minute(bound.now))
}

/// A value as policies write it.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        Value::Strings(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| format!("\"{text}\"")).collect();
            format!("[{}]", texts.join(", "))
        }
        other => crate::show::value(&other.to_answer()),
    }
}
