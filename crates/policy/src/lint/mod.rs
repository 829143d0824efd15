//! Lints: what is well formed, and yet most likely not what its author meant. Each is a warning with
//! what it means and what to write instead, and can be accepted in place, with a reason.
//!
//! | lint | what is claimed |
//! |---|---|
//! | `unreachable` | On no request does the statement do anything. What grants (`allow`, `show`): its condition is never true. What restricts, and `route`: it is always false. Of a `show` only those purposes count under which it can lift a field that it names: one that is safe for the audience, and above its ceiling. A `route` that is never true and at times unknown sends nothing to its space, and is told too |
//! | `always-true` | A clause is written that decides nothing. `when` holds on every request (of what restricts: is never false, for what is unknown restricts as well), or `unless` on none. Also the predicate of a `limit` that every row passes |
//! | `shadowed` | Without the statement every request would be decided alike, because another does all of it: an `allow` or `forbid` of each of its purposes, for each of its fields a `show`, `hide` or mask as strict, a `hide` that takes back all that a `show` shows, a `limit` of the same entity, or the routes before it. Of two that say the same, the later is told |
//! | `purpose-nobody-holds` | A purpose that an `allow` names, or that a `show` names in `when`, and that no request is ever allowed, by whatever asker. That a restriction or a look-up names it is mere caution, and not told; nor is what `unreachable` says of its only `allow` |
//! | `sensitive-for-ai` | A field that is confidential or restricted is visible, unmasked, in some answer under a purpose of AI |
//! | `hidden-from-everyone` | A field that is no draft is hidden in every answer, under every purpose. Not told where no purpose with an audience is granted to anyone, for there every field is |
//! | `unless-reversed` | `unless` in front of what is denied in full (`not (…)`, `!=`, `not in`, `is not absent`, or several of them joined): two negations, to be written as `when`. And an `allow` or `show` whose `unless` asks for nothing but roles or teams (`user.role in […]`) while `when` says nothing of who asks: it grants to all members but these |
//!
//! The first six are proven over every request that there could be (`finite`), states followed
//! through. What is too much to go through, or compares values in ways that are not followed, is not
//! claimed; nor is it then claimed that an acceptance is stale. The last is of the wording alone.

mod accept;
mod answers;
mod reversed;
mod shadowed;
mod statements;
mod subjects;
mod words;

use std::collections::HashSet;
use std::sync::Arc;

use kith_domain::{Definitions, Diagnostic, FieldIdx, PolicyFile, Purpose, Span};
use serde::Serialize;

use crate::ast::{self, CommentLine};
use crate::finite::{Asked, Is, Possible};
use crate::parser;
use crate::policies::{ClassIdx, Effect, Inner, Policies, Statement, StatementIdx};

/// The name of a lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lint {
    /// A statement that never does anything.
    Unreachable,
    /// A clause that decides nothing.
    AlwaysTrue,
    /// A statement all of which another does.
    Shadowed,
    /// A purpose that nobody can have.
    PurposeNobodyHolds,
    /// A sensitive field that a model can see.
    SensitiveForAi,
    /// A field that no one can see.
    HiddenFromEveryone,
    /// An `unless` that is likely to be read as its opposite.
    UnlessReversed,
}

impl Lint {
    /// Every lint.
    pub const ALL: [Self; 7] = [
        Self::Unreachable,
        Self::AlwaysTrue,
        Self::Shadowed,
        Self::PurposeNobodyHolds,
        Self::SensitiveForAi,
        Self::HiddenFromEveryone,
        Self::UnlessReversed,
    ];

    /// Its name in findings and acceptances.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::AlwaysTrue => "always-true",
            Self::Shadowed => "shadowed",
            Self::PurposeNobodyHolds => "purpose-nobody-holds",
            Self::SensitiveForAi => "sensitive-for-ai",
            Self::HiddenFromEveryone => "hidden-from-everyone",
            Self::UnlessReversed => "unless-reversed",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lint| lint.as_str() == name)
    }
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What nobody has accepted, and acceptances that are themselves at fault: warnings, in order of
    /// file and position. `code` is the lint's name, or `accept-without-reason`,
    /// `accept-unknown-lint`, `accept-nothing`.
    pub findings: Vec<Diagnostic>,
    /// What was accepted with a reason, in the same order.
    pub accepted: Vec<Accepted>,
}

/// A finding that was accepted in place.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// What was found.
    #[serde(flatten)]
    pub finding: Diagnostic,
    /// Why it is to stay.
    pub reason: Arc<str>,
}

/// Looks for everything that the lints name, in policies that were checked from these definitions.
#[must_use]
pub fn lint(definitions: &Definitions, policies: &Policies) -> Report {
    let mut linter = Linter::new(definitions, &policies.0);
    let silent = linter.conditions(policies);
    linter.shadowed(policies, &silent);
    linter.answers(&silent);
    linter.reversed();
    linter.report()
}

/// What a finding is about, and so where it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Target {
    Statement(StatementIdx),
    Field(FieldIdx),
}

/// A lint and where it was found.
struct Found {
    lint: Lint,
    target: Target,
    span: Span,
    message: String,
    hint: String,
}

/// A statement as it is written.
struct Written {
    file: PolicyFile,
    statement: ast::Statement,
}

/// What a statement does, looked up from what it is kept by.
enum Does {
    /// Grants or refuses these purposes.
    Purposes(Vec<Purpose>),
    /// Something to the fields of these classes.
    Fields(Vec<(ClassIdx, Effect)>),
    /// The limit at this place.
    Limit(usize),
    /// The route at this place.
    Route(usize),
}

/// Statements that were found to do nothing, and those that do what they do on every request.
#[derive(Default)]
struct Silent {
    unreachable: HashSet<StatementIdx>,
    always: HashSet<StatementIdx>,
}

struct Linter<'a> {
    definitions: &'a Definitions,
    inner: &'a Inner,
    /// Parallel to the checked statements.
    written: Vec<Written>,
    does: Vec<Does>,
    /// Comments behind the last statement of each file.
    trailing: Vec<(PolicyFile, Vec<CommentLine>)>,
    found: Vec<Found>,
    /// What could not be gone through, so that it is not known whether there is a finding.
    in_doubt: HashSet<(Lint, Target)>,
}

impl<'a> Linter<'a> {
    fn new(definitions: &'a Definitions, inner: &'a Inner) -> Self {
        let mut files: Vec<_> = definitions.policies.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let (mut written, mut trailing) = (Vec::new(), Vec::new());
        for file in files {
            let (parsed, _) = parser::parse(&file.path, &file.text);
            let statements = parsed.statements.into_iter().map(|statement| Written {
                file: file.clone(),
                statement,
            });
            written.extend(statements);
            trailing.push((file.clone(), parsed.trailing));
        }
        let statements = (0..).map(StatementIdx).take(inner.statements.len());
        Self {
            definitions,
            inner,
            written,
            does: statements.map(|idx| does(inner, idx)).collect(),
            trailing,
            found: Vec::new(),
            in_doubt: HashSet::new(),
        }
    }

    /// Every statement, as it was checked, as it is written, and what it does.
    fn statements(&self) -> impl DoubleEndedIterator<Item = StatementIdx> + use<> {
        let count = u32::try_from(self.inner.statements.len()).unwrap_or(u32::MAX);
        (0..count).map(StatementIdx)
    }

    fn checked(&self, idx: StatementIdx) -> Option<(&'a Statement, &Written, &Does)> {
        let checked = self.inner.statements.get(idx.index())?;
        let written = self.written.get(idx.index())?;
        Some((checked, written, self.does.get(idx.index())?))
    }

    fn find(&mut self, lint: Lint, target: Target, span: Span, message: String, hint: String) {
        self.found.push(Found {
            lint,
            target,
            span,
            message,
            hint,
        });
    }

    /// Whether it is proven that something never is; what is not known is remembered as such.
    fn never(&mut self, possible: Possible, lint: Lint, target: Target) -> bool {
        if possible == Possible::Perhaps {
            self.in_doubt.insert((lint, target));
        }
        possible == Possible::Never
    }
}

impl Does {
    /// The purposes under which such a statement is asked, and whether for a verdict.
    fn asked<'p>(&'p self, audiences: &'p [Purpose]) -> Asked<'p> {
        match self {
            Self::Purposes(purposes) => Asked::of_verdicts(purposes),
            Self::Fields(_) => Asked::of_fields(audiences),
            Self::Limit(_) | Self::Route(_) => Asked::of_fields(Purpose::ALL),
        }
    }
}

/// What a condition must be for its statement to do anything.
fn applies(keyword: &str) -> Is {
    match keyword {
        "allow" | "show" => Is::True,
        _ => Is::NotFalse,
    }
}

/// The purposes that reveal fields.
fn with_audience() -> Vec<Purpose> {
    let all = Purpose::ALL.iter().copied();
    all.filter(|of| of.audience().is_some()).collect()
}

fn does(inner: &Inner, idx: StatementIdx) -> Does {
    let of = |map: &std::collections::BTreeMap<Purpose, Vec<StatementIdx>>| -> Vec<Purpose> {
        let named = map.iter().filter(|(_, by)| by.contains(&idx));
        named.map(|(purpose, _)| *purpose).collect()
    };
    if let Some(place) = inner.limits.iter().position(|of| of.statement == idx) {
        return Does::Limit(place);
    }
    if let Some(place) = inner.routes.iter().position(|of| of.statement == idx) {
        return Does::Route(place);
    }
    match inner.statement(idx).map(|statement| statement.keyword) {
        Some("allow") => Does::Purposes(of(&inner.allow)),
        Some("forbid") => Does::Purposes(of(&inner.forbid)),
        _ => {
            let classes = (0..).map(ClassIdx).zip(&inner.classes);
            let effects = classes.flat_map(|(class, of)| {
                let effects = of.effects.iter().filter(|(by, _)| *by == idx);
                effects.map(move |(_, effect)| (class, *effect))
            });
            Does::Fields(effects.collect())
        }
    }
}
