//! Two versions, compared shape by shape and purpose by purpose.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kith_domain::{Entity, Purpose};

use super::common::{Common, common};
use super::example::Example;
use super::roles::{RoleSet, role_sets};
use super::routes::routes;
use super::{Asker, Change, Comparison, Diff, What, Who};
use crate::finite::{
    Change as Step, Compiler, Diagram, Key, MAX_STEPS, Memory, Model, Op, Ref, Shape, ShapeSide,
    TooLarge, Universe, Var, asks_for_kind,
};
use crate::policies::{ClassIdx, Inner, Policies};
use crate::reference::Outcome;
use crate::state::{Interval, State};
use crate::tri::Tri;

/// Most steps that one comparison takes, over all purposes and askers.
const MAX_ALL_STEPS: usize = 20 * MAX_STEPS;
/// Most requests that are tried to show a widening.
const MAX_EXAMPLES: usize = 24;
/// Most combinations of values that are tried, over all widenings, where no few values stand for all.
const MAX_TRIES: usize = 100_000;

/// Most requests that are tried where statements were not taken apart, each at some cost.
const MAX_COMMON_EXAMPLES: usize = 4;

/// What a comparison may still spend.
struct Budget {
    /// With every statement taken apart.
    steps: usize,
    /// With those that both versions share left whole.
    common_steps: usize,
    /// To find requests on which those come out as they should.
    example_steps: usize,
    tries: usize,
}

/// Compares two versions of the policies, with their catalogs.
#[must_use]
pub fn compare(old: &Policies, new: &Policies) -> Diff {
    compare_within(old, new, MAX_ALL_STEPS)
}

/// Compares two versions with at most so many steps for taking every statement apart. Beyond them, and
/// so always if there are none, those that both versions share are left whole: that is quicker, tells
/// fewer roles apart, and may leave more unproven.
#[must_use]
pub fn compare_within(old: &Policies, new: &Policies, steps: usize) -> Diff {
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
        steps,
        common_steps: MAX_ALL_STEPS,
        example_steps: MAX_ALL_STEPS,
        tries: MAX_TRIES,
    };
    let classes = groups.iter().filter_map(|group| match group.classes {
        [Some(old), Some(new)] => Some((old, new)),
        _ => None,
    });
    let common = common((&old.0, &new.0), &universe, classes);
    for purpose in Purpose::ALL {
        for shape in Shape::all(tells_kinds_apart) {
            let sides = shape.sides(*purpose);
            let mut pair = Pair {
                old,
                new,
                universe: &mut universe,
                diagram: Diagram::new(MAX_STEPS.min(budget.steps)),
                examples: Diagram::new(MAX_STEPS.min(budget.example_steps)),
                example_memory: Memory::default(),
                sides: &sides,
                shape,
                purpose: *purpose,
                memory: [Memory::default(), Memory::default()],
                common: &common,
                is_left_whole: false,
                tells_kinds_apart,
                tries: &mut budget.tries,
                changes: &mut changes,
            };
            let begin = pair.changes.len();
            if pair.compare(&groups) == Err(TooLarge) {
                budget.steps = budget.steps.saturating_sub(pair.diagram.steps());
                // What both versions share is the same on either side, whatever it is.
                pair.changes.truncate(begin);
                pair.is_left_whole = true;
                pair.diagram = Diagram::new(MAX_STEPS.min(budget.common_steps));
                pair.memory = [Memory::default(), Memory::default()];
                if pair.compare(&groups) == Err(TooLarge) {
                    pair.changes.truncate(begin);
                    pair.give_up(&groups);
                }
                let spent = pair.diagram.steps();
                budget.common_steps = budget.common_steps.saturating_sub(spent);
            } else {
                budget.steps = budget.steps.saturating_sub(pair.diagram.steps());
            }
            let spent = pair.examples.steps();
            budget.example_steps = budget.example_steps.saturating_sub(spent);
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
    common: &'a Common,
    /// Whether statements that both versions share are not taken apart.
    is_left_whole: bool,
    /// Where those are taken apart, to find requests.
    examples: Diagram,
    example_memory: Memory,
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
    /// Tells every change. Statements that both versions share may be left whole: then more may be
    /// told than there is, and never less.
    fn compare(&mut self, groups: &[Group]) -> Result<(), TooLarge> {
        // Where no statement allows it, every request is refused before any row is looked for.
        let is_asked = |policies: &Policies| {
            let mut sides = self.sides.iter();
            sides.all(|side| policies.0.allow.contains_key(&side.purpose))
        };
        if !is_asked(self.old) && !is_asked(self.new) {
            return Ok(());
        }
        if self.universe.is_too_large() {
            return Err(TooLarge);
        }
        let answers = self.answers()?;
        let [old, new] = answers.exists;
        let rows = self.diagram.apply(Op::AnswerChange, old, new);
        self.tell(&What::Rows, rows, None)?;
        let [old, new] = answers.answered;
        let answer = self.diagram.apply(Op::AnswerChange, old, new);
        self.tell(&What::Answer, answer, None)?;
        if self.purpose.audience().is_some() {
            for group in groups {
                let change = self.group(group, &answers);
                let what = What::Fields(group.fields.clone());
                self.tell(&what, change, Some(group.entity))?;
            }
        }
        Ok(())
    }

    /// Tells a change. What is too large ends the attempt, as long as there is a cheaper one.
    fn tell(
        &mut self,
        what: &What,
        change: Result<Ref, TooLarge>,
        entity: Option<Entity>,
    ) -> Result<(), TooLarge> {
        match change {
            Ok(change) => self.report(what, change, entity),
            Err(TooLarge) if self.is_left_whole => {
                let who = self.who(&RoleSet::EVERYONE);
                self.push(who, what.clone(), Comparison::Unproven, None);
            }
            Err(TooLarge) => return Err(TooLarge),
        }
        Ok(())
    }

    /// Tells that nothing is known.
    fn give_up(&mut self, groups: &[Group]) {
        let mut all = vec![What::Rows, What::Answer];
        if self.purpose.audience().is_some() {
            let fields = groups.iter().flat_map(|group| group.fields.iter().cloned());
            all.push(What::Fields(fields.collect()));
        }
        for what in all {
            let who = self.who(&RoleSet::EVERYONE);
            self.push(who, what, Comparison::Unproven, None);
        }
    }

    fn compiler(&mut self, version: usize) -> Option<Compiler<'_>> {
        let inner = if version == 0 {
            &self.old.0
        } else {
            &self.new.0
        };
        let compiler = Compiler::new(
            inner,
            version,
            self.universe,
            &mut self.diagram,
            (self.shape, self.purpose, self.sides),
            self.memory.get_mut(version)?,
        );
        let common = self.is_left_whole.then_some(&self.common.statements);
        Some(compiler.without(common))
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
        let [old, new] = answers.answered;
        // Most fields are decided as before, and need not be gone through.
        if let [Some(a), Some(b)] = group.classes
            && old == new
            && self.common.classes.contains(&(a, b))
        {
            return Ok(Ref::change(Step::Same));
        }
        let mut states = [Ref::NOTHING; 2];
        for (version, (class, state)) in group.classes.iter().zip(&mut states).enumerate() {
            *state = match class {
                Some(class) => self.compiler(version).ok_or(TooLarge)?.met(*class)?,
                // What is not catalogued is hidden.
                None => Ref::interval(Interval::exactly(State::Hidden)),
            };
        }
        let [old_state, new_state] = states;
        if (old_state, old) == (new_state, new) {
            return Ok(Ref::change(Step::Same));
        }
        let old = self.diagram.apply(Op::Emit, old, old_state)?;
        let new = self.diagram.apply(Op::Emit, new, new_state)?;
        self.diagram.apply(Op::StateChange, old, new)
    }

    /// Tells a change role by role.
    fn report(&mut self, what: &What, change: Ref, entity: Option<Entity>) {
        for set in role_sets(&self.diagram, self.universe, change) {
            if set.comparison == Comparison::Same {
                continue;
            }
            let (mut comparison, mut example) = (set.comparison, None);
            if !comparison.is_safe() {
                example = self.example(&set, what, entity);
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
        let mut left = if self.is_left_whole {
            MAX_COMMON_EXAMPLES
        } else {
            MAX_EXAMPLES
        };
        // One about an account is what people can picture; any other shows it as well.
        let mut found = None;
        for (start, of) in &set.ways {
            let mut paths = self.diagram.paths(*of, left, &is_wider);
            left = left.saturating_sub(paths.len());
            if self.is_left_whole {
                // The fewer statements it asks for, the sooner a request is found.
                paths.splice(0..0, self.diagram.shortest(*of, &is_wider));
            }
            for rest in paths {
                let path: Vec<(Var, usize)> = start.iter().copied().chain(rest).collect();
                let Some(path) = self.taken_apart(path) else {
                    continue;
                };
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

    /// A path on which the statements that were left whole come out as this one has them; `None` if
    /// there is none.
    fn taken_apart(&mut self, path: Vec<(Var, usize)>) -> Option<Vec<(Var, usize)>> {
        let is_common = |(var, _): &(Var, usize)| {
            let key = self.universe.key(*var);
            matches!(key, Some(Key::Common(_)))
        };
        let (common, rest): (Vec<_>, Vec<_>) = path.into_iter().partition(is_common);
        if common.is_empty() {
            return Some(rest);
        }
        // Where that is too much to find out, some request may show it nevertheless.
        match self.conjoined(&common, &rest) {
            Ok(all) => {
                let is_true = |leaf| Ref::tri(Tri::True).value() == Some(leaf);
                self.examples.paths(all, 1, &is_true).pop()
            }
            Err(TooLarge) => Some(rest),
        }
    }

    fn conjoined(
        &mut self,
        common: &[(Var, usize)],
        rest: &[(Var, usize)],
    ) -> Result<Ref, TooLarge> {
        let diagram = &mut self.examples;
        let mut all = Ref::tri(Tri::True);
        for (var, option) in rest {
            let options = 0..self.universe.count(*var);
            let kids = options.map(|of| Ref::tri(Tri::from(of == *option)));
            let chosen = diagram.node(*var, kids.collect())?;
            all = diagram.apply(Op::And, all, chosen)?;
        }
        for (var, option) in common {
            let Some(Key::Common(part)) = self.universe.key(*var).cloned() else {
                continue;
            };
            let asks = (self.shape, self.purpose, self.sides);
            let memory = &mut self.example_memory;
            let mut compiler = Compiler::new(&self.new.0, 1, self.universe, diagram, asks, memory);
            let value = compiler.part(part)?;
            let (grants, restricts) = (
                diagram.map(Op::Grants, value)?,
                diagram.map(Op::Restricts, value)?,
            );
            let wanted = match option {
                0 => diagram.map(Op::Not, restricts)?,
                1 => {
                    let not_true = diagram.map(Op::Not, grants)?;
                    diagram.apply(Op::And, not_true, restricts)?
                }
                _ => grants,
            };
            all = diagram.apply(Op::And, all, wanted)?;
        }
        Ok(all)
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
