//! The same policies for regorus, compiled: what lowers a field is a set.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use kith_domain::MaskKind;
use kith_policy::State;
use regorus::{CompiledPolicy, Engine, Value};

use super::accounts::{Account, Plain};
use super::by_hand::Verdict;
use super::condition::{Condition, Known, quoted};
use super::workload::{CLASSES, Cell, Effect, KINDS, Statement, class, round, scaled};

/// The compiled policies, and what they are asked.
pub(super) struct Rego {
    lowered: CompiledPolicy,
    exists: CompiledPolicy,
    allowed: CompiledPolicy,
    /// For each row, an input for each class.
    inputs: Vec<Vec<Value>>,
}

impl Rego {
    pub(super) fn new(rounds: i64, accounts: &[Account]) -> Result<Self, Box<dyn Error>> {
        let text = text(rounds)?;
        let compiled = |rule: &str| -> Result<_, Box<dyn Error>> {
            let mut engine = Engine::new();
            engine.add_policy("kith.rego".to_owned(), text.clone())?;
            Ok(engine.compile_with_entrypoint(&rule.into())?)
        };
        let all = |words: &[&str]| {
            let words = words.iter().map(|word| ((*word).into(), true.into()));
            Value::from(words.collect::<BTreeMap<Value, Value>>())
        };
        let user = object([
            ("roles", all(&["support"])),
            ("regions", all(&["eu", "us", "apac"])),
        ]);
        let classes: Vec<_> = (0..CLASSES)
            .map(|place| {
                let (kinds, is_restricted) = class(place);
                let tags = kinds.map(|kind| format!("t{kind}"));
                let tags: Vec<_> = tags.iter().map(String::as_str).collect();
                (all(&tags), Value::from(is_restricted))
            })
            .collect();
        let inputs = accounts.iter().map(|account| {
            let values = account.values().into_iter().filter_map(|(key, value)| {
                let value = match value? {
                    Plain::Text(text) => Value::from(text),
                    Plain::Number(number) => Value::from(number),
                    Plain::Flag(flag) => Value::from(flag),
                };
                Some((key, value))
            });
            let account = object(values);
            let inputs = classes.iter().map(|(tags, is_restricted)| {
                object([
                    ("account", account.clone()),
                    ("user", user.clone()),
                    ("tags", tags.clone()),
                    ("restricted", is_restricted.clone()),
                ])
            });
            inputs.collect()
        });
        Ok(Self {
            lowered: compiled("data.kith.lowered")?,
            exists: compiled("data.kith.exists")?,
            allowed: compiled("data.kith.allowed")?,
            inputs: inputs.collect(),
        })
    }

    /// The state of each of these, in order.
    pub(super) fn states(
        &self,
        of: &[Cell],
        states: &mut Vec<State>,
    ) -> Result<(), Box<dyn Error>> {
        states.clear();
        for cell in of {
            let lowered = self.ask(&self.lowered, *cell)?;
            let mut state = State::Visible;
            for word in lowered.as_set()?.iter() {
                state = state.meet(match &**word.as_string()? {
                    "redact" => State::Masked(MaskKind::Redact),
                    "last4" => State::Masked(MaskKind::Last4),
                    "null" => State::Masked(MaskKind::Null),
                    _ => State::Hidden,
                });
            }
            states.push(state);
        }
        Ok(())
    }

    pub(super) fn verdict(&self, row: usize) -> Result<Verdict, Box<dyn Error>> {
        let cell = Cell { row, class: 0 };
        Ok(Verdict {
            exists: *self.ask(&self.exists, cell)?.as_bool()?,
            allowed: *self.ask(&self.allowed, cell)?.as_bool()?,
        })
    }

    fn ask(&self, what: &CompiledPolicy, cell: Cell) -> Result<Value, Box<dyn Error>> {
        let input = self
            .inputs
            .get(cell.row)
            .and_then(|row| row.get(cell.class));
        Ok(what.eval_with_input(input.cloned().ok_or("no such row")?)?)
    }
}

fn object<'a>(of: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let pairs = of.into_iter().map(|(key, value)| (key.into(), value));
    Value::from(pairs.collect::<BTreeMap<Value, Value>>())
}

fn text(rounds: i64) -> Result<String, Box<dyn Error>> {
    let mut text = String::from(
        "package kith\nimport rego.v1\n\
         default exists := false\nexists if input.user.regions[input.account.region]\n\
         default allowed := false\nallowed if {\n exists\n input.user.roles.support\n \
         input.account.plan != \"internal\"\n}\n\
         default shown := false\n\
         lowered contains \"hidden\" if not exists\n\
         lowered contains \"hidden\" if {\n input.restricted\n not shown\n}\n",
    );
    for number in 0..rounds {
        for (statement, kind) in round(number).iter().zip(0..KINDS) {
            let known = format!("known_{number}_{kind}");
            for tests in statement.condition.known(statement.is_settled_by()) {
                let tests: Vec<_> = tests.iter().map(test).collect();
                writeln!(text, "{known} if {{\n {}\n}}", tests.join("\n "))?;
            }
            text += &applied(statement, kind, &known);
        }
    }
    Ok(text)
}

fn applied(statement: &Statement, kind: usize, known: &str) -> String {
    let word = match statement.effect {
        Effect::Show => return format!("shown if {{\n input.tags.t{kind}\n {known}\n}}\n"),
        Effect::Hide => "hidden",
        Effect::Mask(kind) => kind.as_str(),
    };
    format!("lowered contains \"{word}\" if {{\n input.tags.t{kind}\n not {known}\n}}\n")
}

/// A test of what is absent is undefined, and no list with it holds.
fn test((condition, wanted): &Known<'_>) -> String {
    let wanted = *wanted;
    let pick = |yes, no| if wanted { yes } else { no };
    match condition {
        Condition::Is(field, text) => {
            format!("input.account.{field} {} \"{text}\"", pick("==", "!="))
        }
        Condition::In(field, texts) if wanted => {
            format!("input.account.{field} in {{{}}}", quoted(texts))
        }
        Condition::In(field, texts) => {
            let others = texts
                .iter()
                .map(|text| format!("input.account.{field} != \"{text}\""));
            others.collect::<Vec<_>>().join("\n ")
        }
        Condition::Above(field, bound) => {
            let bound = scaled(field, *bound);
            format!("input.account.{field} {} {bound}", pick(">", "<="))
        }
        Condition::Below(field, bound) => {
            let bound = scaled(field, *bound);
            format!("input.account.{field} {} {bound}", pick("<", ">="))
        }
        Condition::Flag(field, value) => format!("input.account.{field} == {}", *value == wanted),
        Condition::Absent(field) => format!("{}input.account.{field}", pick("not ", "")),
        Condition::Role(role) => format!("{}input.user.roles.{role}", pick("", "not ")),
        Condition::Not(_) | Condition::All(_) | Condition::Any(_) => "false".to_owned(),
    }
}
