//! Two versions, compared shape by shape and purpose by purpose.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kith_domain::{Entity, Purpose};

use super::example::Example;
use super::roles::{RoleSet, role_sets};
use super::routes::routes;
use super::{Asker, Change, Comparison, Diff, What, Who};
use crate::finite::{
    Change as Step, Compiler, Diagram, MAX_STEPS, Memory, Model, Op, Ref, Shape, ShapeSide,
    TooLarge, Universe, Var, asks_for_kind,
};
use crate::policies::{ClassIdx, Inner, Policies};
use crate::reference::Outcome;
use crate::state::{Interval, State};
use crate::tri::Tri;

/// Most steps that one comparison takes, over all purposes and askers.
const MAX_ALL_STEPS: usize = 10 * MAX_STEPS;
/// Most requests that are tried to show a widening.
const MAX_EXAMPLES: usize = 24;
/// Most combinations of values that are tried, over all widenings, where no few values stand for all.
const MAX_TRIES: usize = 100_000;

/// What a comparison may still spend.
struct Budget {
    steps: usize,
    tries: usize,
}

/// Compares two versions of the policies, with their catalogs.
#[must_use]
pub fn compare(old: &Policies, new: &Policies) -> Diff {
    let tells_kinds_apart = asks_for_kind(&old.0) || asks_for_kind(&new.0);
    let mut universe = Universe::new(&[&old.0, &new.0]);
    let groups = groups(&universe, &old.0, &new.0);
    let combinations = combinations(&universe, tells_kinds_apart);
    if is_same_text(&old.0, &new.0) {
        return Diff {
            combinations,
            same: combinations,
            ..Diff::default()
        };
    }
    let mut changes = Vec::new();
    let mut budget = Budget {
        steps: MAX_ALL_STEPS,
        tries: MAX_TRIES,
    };
    for purpose in Purpose::ALL {
        for shape in Shape::all(tells_kinds_apart) {
            let sides = shape.sides(*purpose);
            let mut pair = Pair {
                old,
                new,
                universe: &mut universe,
                diagram: Diagram::new(MAX_STEPS.min(budget.steps)),
                sides: &sides,
                shape,
                purpose: *purpose,
                memory: [Memory::default(), Memory::default()],
                tells_kinds_apart,
                tries: &mut budget.tries,
                changes: &mut changes,
            };
            pair.compare(&groups);
            budget.steps = budget.steps.saturating_sub(pair.diagram.steps());
        }
    }
    let routes = routes(old, new, &mut universe, &mut budget.tries);
    Diff {
        same: combinations.saturating_sub(changed(&changes)),
        combinations,
        changes,
        routes,
        look_ups: Vec::new(),
    }
}

/// How many things there are that may change for some asker and purpose: rows, answer and fields.
fn combinations(universe: &Universe, tells_kinds_apart: bool) -> usize {
    let of_purpose = Purpose::ALL.iter().map(|purpose| match purpose.audience() {
        Some(_) => universe.fields().len() + 2,
        None => 2,
    });
    of_purpose.sum::<usize>() * Shape::all(tells_kinds_apart).len()
}

/// How many of them change for anyone.
fn changed(changes: &[Change]) -> usize {
    let mut seen = HashSet::new();
    let things = changes.iter().map(|change| match &change.what {
        What::Fields(fields) => (change, fields.first(), fields.len()),
        _ => (change, None, 1),
    });
    things
        .filter(|(change, field, _)| {
            let is_rows = change.what == What::Rows;
            seen.insert((change.who.asker, change.purpose, *field, is_rows))
        })
        .map(|(_, _, count)| count)
        .sum()
}

/// Whether both versions are written alike, so that nothing can differ.
fn is_same_text(old: &Inner, new: &Inner) -> bool {
    let texts = |inner: &Inner| -> Vec<Arc<str>> {
        inner
            .statements
            .iter()
            .map(|of| Arc::clone(&of.text))
            .collect()
    };
    old.ceilings == new.ceilings && old.catalog == new.catalog && texts(old) == texts(new)
}

/// Fields that are decided alike in both versions.
struct Group {
    classes: [Option<ClassIdx>; 2],
    fields: Vec<Arc<str>>,
    entity: Entity,
}

fn groups(universe: &Universe, old: &Inner, new: &Inner) -> Vec<Group> {
    let mut groups: BTreeMap<(Option<ClassIdx>, Option<ClassIdx>), Group> = BTreeMap::new();
    for field in universe.fields() {
        let class = |version: usize, inner: &Inner| {
            field
                .places
                .get(version)
                .copied()
                .flatten()
                .and_then(|idx| inner.class(idx))
        };
        let classes = [class(0, old), class(1, new)];
        let [a, b] = classes;
        let group = groups.entry((a, b)).or_insert_with(|| Group {
            classes,
            fields: Vec::new(),
            entity: field.entity,
        });
        group.fields.push(Arc::clone(&field.path));
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|a, b| a.fields.cmp(&b.fields));
    groups
}

/// Both versions, for one shape of asker and one purpose.
struct Pair<'a> {
    old: &'a Policies,
    new: &'a Policies,
    universe: &'a mut Universe,
    diagram: Diagram,
    sides: &'a [ShapeSide],
    shape: Shape,
    purpose: Purpose,
    memory: [Memory; 2],
    tells_kinds_apart: bool,
    tries: &'a mut usize,
    changes: &'a mut Vec<Change>,
}

/// The verdicts of both versions.
struct Answers {
    exists: [Ref; 2],
    answered: [Ref; 2],
}

impl Pair<'_> {
    fn compare(&mut self, groups: &[Group]) {
        // Where no statement allows it, every request is refused before any row is looked for.
        let is_asked = |policies: &Policies| {
            let mut sides = self.sides.iter();
            sides.all(|side| policies.0.allow.contains_key(&side.purpose))
        };
        if !is_asked(self.old) && !is_asked(self.new) {
            return;
        }
        let answers = if self.universe.is_too_large() {
            Err(TooLarge)
        } else {
            self.answers()
        };
        let answers = match answers {
            Ok(answers) => answers,
            Err(TooLarge) => {
                self.report(What::Rows, None);
                self.report(What::Answer, None);
                if self.purpose.audience().is_some() {
                    let all = groups.iter().flat_map(|group| group.fields.iter().cloned());
                    self.report(What::Fields(all.collect()), None);
                }
                return;
            }
        };
        let [old, new] = answers.exists;
        let rows = self.diagram.apply(Op::AnswerChange, old, new).ok();
        self.report(What::Rows, rows);
        let [old, new] = answers.answered;
        let answer = self.diagram.apply(Op::AnswerChange, old, new).ok();
        self.report(What::Answer, answer);
        if self.purpose.audience().is_some() {
            for group in groups {
                let change = self.group(group, &answers).ok();
                self.report_of(
                    What::Fields(group.fields.clone()),
                    change,
                    Some(group.entity),
                );
            }
        }
    }

    fn compiler(&mut self, version: usize) -> Option<Compiler<'_>> {
        let inner = if version == 0 {
            &self.old.0
        } else {
            &self.new.0
        };
        Some(Compiler::new(
            inner,
            version,
            self.universe,
            &mut self.diagram,
            (self.shape, self.purpose, self.sides),
            self.memory.get_mut(version)?,
        ))
    }

    fn answers(&mut self) -> Result<Answers, TooLarge> {
        let mut exists = [Ref::tri(Tri::False); 2];
        let mut allowed = exists;
        for version in 0..2 {
            let mut compiler = self.compiler(version).ok_or(TooLarge)?;
            let (rows, verdict) = (compiler.exists()?, compiler.allowed()?);
            if let (Some(exists), Some(allowed)) =
                (exists.get_mut(version), allowed.get_mut(version))
            {
                (*exists, *allowed) = (rows, verdict);
            }
        }
        let mut answered = Vec::new();
        for (exists, allowed) in exists.into_iter().zip(allowed) {
            answered.push(self.diagram.apply(Op::And, exists, allowed)?);
        }
        Ok(Answers {
            exists,
            answered: answered.try_into().map_err(|_| TooLarge)?,
        })
    }

    fn group(&mut self, group: &Group, answers: &Answers) -> Result<Ref, TooLarge> {
        let mut shown = Vec::new();
        for (version, (class, answered)) in group.classes.iter().zip(answers.answered).enumerate() {
            let state = match class {
                Some(class) => self.compiler(version).ok_or(TooLarge)?.met(*class)?,
                // What is not catalogued is hidden.
                None => Ref::interval(Interval::exactly(State::Hidden)),
            };
            shown.push(self.diagram.apply(Op::Emit, answered, state)?);
        }
        match shown.as_slice() {
            [old, new] => self.diagram.apply(Op::StateChange, *old, *new),
            _ => Err(TooLarge),
        }
    }

    fn report(&mut self, what: What, change: Option<Ref>) {
        self.report_of(what, change, None);
    }

    /// Tells a change role by role; without a diagram, that nothing is known of it.
    fn report_of(&mut self, what: What, change: Option<Ref>, entity: Option<Entity>) {
        let Some(change) = change else {
            let who = self.who(&RoleSet::EVERYONE);
            self.push(who, what, Comparison::Unproven, None);
            return;
        };
        for set in role_sets(&self.diagram, self.universe, change) {
            if set.comparison == Comparison::Same {
                continue;
            }
            let (mut comparison, mut example) = (set.comparison, None);
            if !comparison.is_safe() {
                example = self.example(&set, &what, entity);
                if example.is_none() {
                    comparison = Comparison::Unproven;
                }
            }
            let who = self.who(&set);
            self.push(who, what.clone(), comparison, example);
        }
    }

    fn push(&mut self, who: Who, what: What, comparison: Comparison, example: Option<Example>) {
        self.changes.push(Change {
            who,
            purpose: self.purpose,
            what,
            comparison,
            example,
        });
    }

    fn who(&self, set: &RoleSet) -> Who {
        let kind = self.shape.agent.filter(|_| self.tells_kinds_apart);
        let asker = match (self.shape.agent, self.shape.has_member) {
            (None, _) => Asker::Member,
            (Some(_), false) => Asker::Agent { kind },
            (Some(_), true) => Asker::AgentForMember { kind },
        };
        let roles = |wanted: bool| {
            let roles = set.roles.iter().filter(|(_, has)| *has == wanted);
            roles.map(|(role, _)| Arc::clone(role)).collect()
        };
        Who {
            asker,
            with: roles(true),
            without: roles(false),
        }
    }

    /// A request by someone of the set on which more is shown, asked of both versions.
    fn example(&mut self, set: &RoleSet, what: &What, entity: Option<Entity>) -> Option<Example> {
        // A real request is about something.
        let bind = [
            Some(Entity::Account),
            entity.filter(|of| *of != Entity::Event),
        ];
        let bind: Vec<Entity> = bind.into_iter().flatten().collect();
        let is_wider = |leaf| {
            let step = Step::of_value(leaf);
            matches!(step, Some(Step::Wider | Step::Differs))
        };
        let mut left = MAX_EXAMPLES;
        // One about an account is what people can picture; any other shows it as well.
        let mut found = None;
        for (start, of) in &set.ways {
            let paths = self.diagram.paths(*of, left, &is_wider);
            left = left.saturating_sub(paths.len());
            for rest in paths {
                let path: Vec<(Var, usize)> = start.iter().copied().chain(rest).collect();
                let asks = (self.shape, self.purpose);
                let model = Model::of_path(self.universe, asks, &path, &bind, self.tries);
                let example = model.map(|model| Example::new(model, self.universe, self.purpose));
                let shown = example.and_then(|example| self.shows(example, what));
                let is_pictured = |of: &Example| of.bound.rows.contains_key(&Entity::Account);
                if shown.as_ref().is_some_and(is_pictured) {
                    return shown;
                }
                found = found.or(shown);
            }
        }
        found
    }

    /// The example with what both versions make of it, if the new one shows more.
    fn shows(&self, mut example: Example, what: &What) -> Option<Example> {
        let (old, new) = (example.ask(self.old), example.ask(self.new));
        let of = |policies: &Policies, outcome: &Outcome| match what {
            What::Rows if outcome.exists => (State::Visible, "found".to_owned()),
            What::Rows => (State::Hidden, "not found".to_owned()),
            What::Answer if !outcome.exists => (State::Hidden, "not found".to_owned()),
            What::Answer if outcome.allowed => (State::Visible, "allowed".to_owned()),
            What::Answer => (State::Hidden, "refused".to_owned()),
            What::Fields(fields) => {
                let field = fields
                    .first()
                    .and_then(|path| policies.0.catalog.find(path));
                let state = field.and_then(|field| outcome.states.get(field.index()));
                let state = state.map_or(State::Hidden, |interval| interval.lo);
                if outcome.exists && outcome.allowed {
                    (state, in_words(state))
                } else {
                    (State::Hidden, in_words(State::Hidden))
                }
            }
        };
        let ((old, before), (new, after)) = (of(self.old, &old), of(self.new, &new));
        example.before = before;
        example.after = after;
        matches!(Step::of(old, new), Step::Wider | Step::Differs).then_some(example)
    }
}

fn in_words(state: State) -> String {
    match state {
        State::Hidden => "hidden".to_owned(),
        State::Masked(kind) => format!("masked with {kind}"),
        State::Visible => "visible".to_owned(),
    }
}
