//! What is decided: 200 fields in 50 classes, no two of which are decided alike; 20 statements, or
//! 200 of the same kinds; accounts of which every tenth value is absent.

use std::error::Error;
use std::fmt::Write as _;

use kith_domain::definitions::{SourceFile, read_folder};
use kith_domain::id::{KeyId, MemberId};
use kith_domain::{
    Actor, Catalog, Diagnostic, FieldIdx, MaskKind, Member, Principal, Timestamp, Value,
};
use kith_policy::{Policies, Row, Subject};

use super::accounts::{Account, Dice};
use super::condition::Condition::{self, Above, Absent, All, Any, Below, Flag, In, Is, Not, Role};

/// Kinds of statements on fields; the fields with tag `t03` are those of kind 3.
pub(super) const KINDS: usize = 18;
/// Classes of fields.
pub(super) const CLASSES: usize = 50;
/// The fields that conditions read.
pub(super) const READ: [(&str, &str); 12] = [
    ("country", "string"),
    ("health", "int"),
    ("isTrial", "bool"),
    ("owner", "string"),
    ("paymentState", "string"),
    ("plan", "string"),
    ("region", "string"),
    ("revenue", "decimal"),
    ("seats", "int"),
    ("segment", "string"),
    ("tier", "string"),
    ("usage", "int"),
];

/// A euro in the millionths that money is kept in.
pub(super) const EURO: i64 = 1_000_000;

/// What a statement does to its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Show,
    Hide,
    Mask(MaskKind),
}

/// A statement on fields. It applies when its condition holds, or unless it does.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    pub(super) unless: bool,
    pub(super) condition: Condition,
}

/// A bound as values of the field are kept.
pub(super) fn scaled(field: &str, bound: i64) -> i64 {
    if field == "revenue" {
        bound * EURO
    } else {
        bound
    }
}

impl Statement {
    /// The value that the condition must be known to have for the statement to grant, or not to
    /// restrict.
    pub(super) fn is_settled_by(&self) -> bool {
        (self.effect == Effect::Show) != self.unless
    }
}

/// The statements of one round: one of each kind. Rounds differ in their numbers.
pub(super) fn round(round: i64) -> [Statement; KINDS] {
    use Effect::{Hide, Mask, Show};
    let when = |effect, condition| Statement {
        effect,
        unless: false,
        condition,
    };
    let unless = |effect, condition| Statement {
        effect,
        unless: true,
        condition,
    };
    let used = || Above("usage", 7 * round - 1);
    let not = |condition| Not(Box::new(condition));
    [
        when(Hide, All(vec![Is("region", "us"), used()])),
        unless(
            Hide,
            All(vec![In("plan", &["growth", "enterprise"]), used()]),
        ),
        when(Hide, Above("seats", 40 + round)),
        when(
            Mask(MaskKind::Redact),
            All(vec![Is("paymentState", "late"), used()]),
        ),
        when(
            Hide,
            All(vec![
                Above("revenue", 5000 + 100 * round),
                Is("region", "eu"),
            ]),
        ),
        when(
            Show,
            Any(vec![Is("segment", "partner"), Above("health", 60 + round)]),
        ),
        unless(Hide, All(vec![Flag("isTrial", false), used()])),
        when(Mask(MaskKind::Last4), Below("usage", 10 + round)),
        when(
            Hide,
            All(vec![
                In("country", &["de", "fr"]),
                not(Is("tier", "gold")),
                used(),
            ]),
        ),
        when(Hide, All(vec![Absent("owner"), used()])),
        unless(
            Show,
            Any(vec![Is("region", "apac"), Below("seats", 5 + round)]),
        ),
        when(
            Hide,
            All(vec![Is("plan", "trial"), Above("usage", 500 + round)]),
        ),
        unless(Mask(MaskKind::Redact), Above("health", 20 + round)),
        when(Hide, All(vec![Role("success"), Is("region", "us"), used()])),
        when(
            Hide,
            Any(vec![Below("revenue", 100 + round), Absent("paymentState")]),
        ),
        when(
            Hide,
            All(vec![
                Is("tier", "bronze"),
                Any(vec![Is("region", "us"), Is("region", "apac")]),
                used(),
            ]),
        ),
        unless(
            Hide,
            All(vec![
                Below("seats", 150 + round),
                not(Is("segment", "internal")),
            ]),
        ),
        when(
            Mask(MaskKind::Null),
            All(vec![Is("country", "us"), Below("health", 30 + round)]),
        ),
    ]
}

/// The kinds of statements that speak of a class, and whether its fields are hidden without a `show`.
pub(super) fn class(class: usize) -> ([usize; 3], bool) {
    let mut triples = (0..KINDS)
        .flat_map(|a| (a + 1..KINDS).flat_map(move |b| (b + 1..KINDS).map(move |c| [a, b, c])));
    let kinds = triples.nth(class * 16).unwrap_or_default();
    (kinds, kinds.contains(&5) || kinds.contains(&10))
}

/// Definitions, checked, and one who asks.
#[derive(Debug)]
pub(in crate::benches) struct Workload {
    pub(in crate::benches) catalog: Catalog,
    pub(super) policies: Policies,
    pub(super) actor: Actor,
    /// The class of each field, in the catalog's order.
    pub(super) class_of: Vec<usize>,
}

/// A row and a class of fields: what is decided at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) row: usize,
    pub(super) class: usize,
}

/// The time at which everything is decided.
pub(super) fn now() -> Timestamp {
    Timestamp::from_micros(1_795_521_600_000_000)
}

impl Workload {
    /// So many fields, and so many rounds of statements; with an `allow` and a `limit` beside them.
    pub(in crate::benches) fn new(fields: usize, rounds: i64) -> Result<Self, Box<dyn Error>> {
        let (definitions, _) =
            read_folder(files(fields, rounds)?).map_err(|found| first(&found))?;
        let (policies, _) = kith_policy::check(&definitions).map_err(|found| first(&found))?;
        let class_of = definitions
            .catalog
            .iter()
            .map(|(_, field)| {
                let tag = field.tags.iter().find_map(|tag| tag.strip_prefix('c'));
                Ok(tag.ok_or("a field without a class")?.parse()?)
            })
            .collect::<Result<_, Box<dyn Error>>>()?;
        Ok(Self {
            catalog: definitions.catalog,
            policies,
            actor: sam(),
            class_of,
        })
    }

    /// The accounts as typed rows, with values in the fields that no condition reads as well.
    pub(in crate::benches) fn rows(&self, accounts: &[Account]) -> Vec<Row> {
        let mut dice = Dice(11);
        let rows = accounts.iter().map(|account| {
            let mut row = account.row(&self.catalog);
            for (idx, field) in self.catalog.iter() {
                if field.path.as_str().starts_with("account.x") && dice.roll(10) > 0 {
                    row.set(idx, Value::String("anything".into()));
                }
            }
            row
        });
        rows.collect()
    }
}

pub(super) fn subjects(rows: &[Row]) -> Vec<Subject<'_>> {
    let subjects = rows.iter().map(|row| Subject {
        account: Some(row),
        ..Subject::default()
    });
    subjects.collect()
}

/// The definitions of so many fields and so many rounds of statements.
pub(in crate::benches) fn files(
    fields: usize,
    rounds: i64,
) -> Result<Vec<SourceFile>, Box<dyn Error>> {
    let file = |path: &str, text: String| SourceFile {
        path: path.to_owned(),
        text,
    };
    Ok(vec![
        file("workspace.toml", "edition = 2026\n".to_owned()),
        file("fields/account.toml", field_file(fields)?),
        file("policies/all.kith", policy_file(rounds)?),
    ])
}

fn first(found: &[Diagnostic]) -> String {
    let first = found.first().map(ToString::to_string);
    first.unwrap_or_default()
}

fn field_file(fields: usize) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    let more =
        (0..fields.saturating_sub(READ.len())).map(|place| (format!("x{place:04}"), "string"));
    let read = READ.iter().map(|(key, ty)| ((*key).to_owned(), *ty));
    for ((key, ty), place) in read.chain(more).zip(0..) {
        let class_idx = place % CLASSES;
        let (kinds, is_restricted) = class(class_idx);
        let tags: Vec<_> = kinds.iter().map(|kind| format!("\"t{kind:02}\"")).collect();
        let currency = if ty == "decimal" {
            "currency = \"EUR\"\n"
        } else {
            ""
        };
        let sensitivity = if is_restricted {
            "restricted"
        } else {
            "confidential"
        };
        writeln!(
            text,
            "[{key}]\ntype = \"{ty}\"\n{currency}owner = \"RevOps\"\ndescription = \"Measured.\"\n\
             sources = [\"http\"]\nsensitivity = \"{sensitivity}\"\nsafe_for = [\"support\"]\n\
             tags = [{}, \"c{class_idx:02}\"]\n",
            tags.join(", ")
        )?;
    }
    Ok(text)
}

fn policy_file(rounds: i64) -> Result<String, Box<dyn Error>> {
    let mut text = String::from(
        "allow support.view when user.role == \"support\" and account.plan != \"internal\"\n\
         limit account to account.region in user.regions\n",
    );
    for number in 0..rounds {
        for (statement, kind) in round(number).iter().zip(0..) {
            let (verb, with) = match statement.effect {
                Effect::Show => ("show", String::new()),
                Effect::Hide => ("hide", String::new()),
                Effect::Mask(kind) => ("mask", format!(" with {}", kind.as_str())),
            };
            let clause = if statement.unless { "unless" } else { "when" };
            let condition = statement.condition.kith();
            writeln!(text, "{verb} tag:t{kind:02}{with} {clause} {condition}")?;
        }
    }
    Ok(text)
}

fn sam() -> Actor {
    let set = |words: &[&str]| words.iter().map(|word| (*word).into()).collect();
    Actor {
        credential: KeyId::NIL,
        principal: Principal::Member(
            Member {
                id: MemberId::NIL,
                name: "sam".into(),
                roles: set(&["support"]),
                teams: set(&[]),
                sites: set(&[]),
                regions: set(&["eu", "us", "apac"]),
            }
            .into(),
        ),
        on_behalf_of: None,
    }
}

/// The fields of a catalog, in its order.
pub(super) fn fields(catalog: &Catalog) -> Vec<FieldIdx> {
    catalog.iter().map(|(idx, _)| idx).collect()
}
