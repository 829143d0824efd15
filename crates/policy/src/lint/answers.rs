//! `purpose-nobody-holds`, `sensitive-for-ai`, `hidden-from-everyone`: what comes of all statements
//! together, over every request.

use std::collections::{BTreeMap, HashMap};

use kith_domain::{Audience, FieldIdx, Lifecycle, Purpose, Sensitivity, Span};

use super::{Lint, Linter, Silent, Target};
use crate::ast::{Action, Expr, ExprKind, Op as Compare, Operand, OperandKind};
use crate::finite::{
    Compiler, Diagram, Key, MAX_STEPS, Memory, Op, Possible, Ref, Shape, TooLarge, Universe,
    asks_for_kind,
};
use crate::policies::{ClassIdx, StatementIdx};
use crate::state::{Interval, State};
use crate::tri::Tri;

/// Most steps over all purposes and askers.
const MAX_ALL_STEPS: usize = 10 * MAX_STEPS;

/// What answers there can be.
#[derive(Default)]
struct Answers {
    /// Whether a purpose is ever allowed; one that is not here never is.
    granted: BTreeMap<Purpose, Possible>,
    /// Whether fields are ever other than hidden.
    shown: HashMap<ClassIdx, Possible>,
    /// The purpose of AI under which fields are visible, or may be.
    for_ai: HashMap<ClassIdx, (Possible, Purpose)>,
}

impl Linter<'_> {
    pub(super) fn answers(&mut self, silent: &Silent) {
        let answers = self.ask_all();
        for purpose in Purpose::ALL {
            self.purpose_nobody_holds(&answers, *purpose, silent);
        }
        let is_anything_shown = Purpose::ALL
            .iter()
            .any(|of| of.audience().is_some() && answers.granted(*of) != Possible::Never);
        let fields = self.inner.catalog.iter();
        let fields: Vec<_> = fields.map(|(idx, _)| idx).collect();
        for field in fields {
            self.sensitive_for_ai(&answers, field);
            if is_anything_shown {
                self.hidden_from_everyone(&answers, field);
            }
        }
    }

    fn purpose_nobody_holds(&mut self, answers: &Answers, purpose: Purpose, silent: &Silent) {
        let lint = Lint::PurposeNobodyHolds;
        let allows = self.inner.allow.get(&purpose);
        let allows: Vec<StatementIdx> = allows.into_iter().flatten().copied().collect();
        let mut alive = allows.iter().filter(|of| !silent.unreachable.contains(of));
        let Some((idx, span)) = (match alive.next() {
            Some(idx) => self.name_in_action(*idx, purpose).map(|span| (*idx, span)),
            None if allows.is_empty() => self.first_show_for(purpose),
            None => None,
        }) else {
            return;
        };
        let target = Target::Statement(idx);
        if !self.never(answers.granted(purpose), lint, target) {
            return;
        }
        let served = purpose.served();
        let (message, hint) = if allows.is_empty() {
            (
                format!("this is for `{purpose}`, which no `allow` grants to anyone"),
                format!("write `allow {purpose}` and under `when` to whom, or leave it out here"),
            )
        } else if served != purpose && answers.granted(served) == Possible::Never {
            (
                format!(
                    "nobody can have `{purpose}`: whoever it is done for must have `{served}` as well, and nobody has"
                ),
                format!("add an `allow {served}` for the members that it is done for"),
            )
        } else {
            (
                format!("nobody can have `{purpose}`: whatever this allows is refused elsewhere"),
                format!("look for a `forbid {purpose}` that always applies, or leave it out here"),
            )
        };
        self.find(lint, target, span, message, hint);
    }

    /// Where an `allow` names a purpose.
    fn name_in_action(&self, idx: StatementIdx, purpose: Purpose) -> Option<Span> {
        let (_, written, _) = self.checked(idx)?;
        let Action::Allow(names) = &written.statement.action else {
            return None;
        };
        let mut names = names.iter();
        let name = names.find(|name| *name.node == *purpose.as_str())?;
        Some(name.span)
    }

    /// The first `show` whose `when` asks for a purpose.
    fn first_show_for(&self, purpose: Purpose) -> Option<(StatementIdx, Span)> {
        self.statements().find_map(|idx| {
            let (checked, written, _) = self.checked(idx)?;
            let when = written.statement.when.as_ref();
            let when = when.filter(|_| checked.keyword == "show")?;
            Some((idx, asks_for(when, purpose)?))
        })
    }

    fn sensitive_for_ai(&mut self, answers: &Answers, idx: FieldIdx) {
        let (lint, target) = (Lint::SensitiveForAi, Target::Field(idx));
        let Some((field, class)) = self.inner.field(idx).zip(self.inner.class(idx)) else {
            return;
        };
        let (possible, purpose) = match answers.for_ai.get(&class) {
            Some(found) if field.sensitivity >= Sensitivity::Confidential => *found,
            _ => return,
        };
        if possible == Possible::Perhaps {
            self.in_doubt.insert((lint, target));
            return;
        }
        let (path, level) = (&field.path, field.sensitivity);
        let message =
            format!("`{path}` is {level}, and a model can see it whole under `{purpose}`");
        let hint = "mask or hide it for AI, take `ai` out of `safe_for`, or say why it may: `accept = { sensitive-for-ai = \"…\" }`";
        let span = self.field_span(idx);
        self.find(lint, target, span, message, hint.to_owned());
    }

    fn hidden_from_everyone(&mut self, answers: &Answers, idx: FieldIdx) {
        let (lint, target) = (Lint::HiddenFromEveryone, Target::Field(idx));
        let Some((field, class)) = self.inner.field(idx).zip(self.inner.class(idx)) else {
            return;
        };
        let shown = answers.shown.get(&class).copied();
        if field.lifecycle == Lifecycle::Draft
            || !self.never(shown.unwrap_or(Possible::Never), lint, target)
        {
            return;
        }
        let path = &field.path;
        let message = format!("nobody can see `{path}`: it is hidden in every answer there can be");
        let starts_visible = field
            .safe_for
            .iter()
            .any(|audience| field.sensitivity <= self.inner.ceilings.of(audience));
        let or_say_why = "make it a draft, or say why: `accept = { hidden-from-everyone = \"…\" }`";
        let hint = if field.safe_for.iter().next().is_none() {
            format!(
                "it is safe for nobody: name an audience in `safe_for`, and `show {path}` if it is above the ceiling"
            )
        } else if starts_visible {
            format!(
                "it would be visible, but a `hide` always takes it back, or nobody may ask: except in `unless` those who are to see it, {or_say_why}"
            )
        } else {
            format!("write `show {path}` and under `when` for whom, {or_say_why}")
        };
        let span = self.field_span(idx);
        self.find(lint, target, span, message, hint);
    }

    fn field_span(&self, idx: FieldIdx) -> Span {
        let place = self.definitions.places.get(idx.index());
        place.map_or(Span::default(), |place| place.span)
    }

    /// Goes through every purpose and every shape of asker.
    fn ask_all(&self) -> Answers {
        let mut universe = Universe::new(&[self.inner]);
        let mut answers = Answers::default();
        let mut left = MAX_ALL_STEPS;
        for purpose in Purpose::ALL {
            for shape in Shape::all(asks_for_kind(self.inner)) {
                let mut diagram = Diagram::new(MAX_STEPS.min(left));
                let asked = if universe.is_too_large() {
                    Err(TooLarge)
                } else {
                    self.ask(&mut answers, &mut universe, &mut diagram, (shape, *purpose))
                };
                if asked.is_err() {
                    answers.give_up(*purpose, self.inner.classes.len());
                }
                left = left.saturating_sub(diagram.steps());
            }
        }
        answers
    }

    fn ask(
        &self,
        answers: &mut Answers,
        universe: &mut Universe,
        diagram: &mut Diagram,
        (shape, purpose): (Shape, Purpose),
    ) -> Result<(), TooLarge> {
        let sides = shape.sides(purpose);
        let mut memory = Memory::default();
        let asks = (shape, purpose, sides.as_slice());
        let mut compiler = Compiler::new(self.inner, 0, universe, diagram, asks, &mut memory);
        let allowed = compiler.allowed()?;
        let exists = compiler.exists()?;
        let answered = compiler.diagram.apply(Op::And, exists, allowed)?;
        let granted = possible(compiler.universe, compiler.diagram, allowed, &|leaf| {
            Ref::tri(Tri::True).value() == Some(leaf)
        });
        note(
            answers.granted.entry(purpose).or_insert(Possible::Never),
            granted,
        );
        if granted == Possible::Never || purpose.audience().is_none() {
            return Ok(());
        }
        let is_ai = purpose.audience() == Some(Audience::Ai);
        let visible = emitted(compiler.diagram, State::Visible)?;
        let hidden = emitted(compiler.diagram, State::Hidden)?;
        for class in (0..).map(ClassIdx).take(self.inner.classes.len()) {
            let shown = answers.shown.get(&class).copied();
            if shown == Some(Possible::Sometimes) && !is_ai {
                continue;
            }
            let state = compiler.met(class)?;
            let state = compiler.diagram.apply(Op::Emit, answered, state)?;
            let (universe, diagram) = (&*compiler.universe, &*compiler.diagram);
            let is_shown = possible(universe, diagram, state, &|leaf| leaf != hidden);
            note(
                answers.shown.entry(class).or_insert(Possible::Never),
                is_shown,
            );
            if !is_ai {
                continue;
            }
            let whole = possible(universe, diagram, state, &|leaf| leaf == visible);
            let known = answers.for_ai.get(&class).map(|(known, _)| *known);
            if whole == Possible::Sometimes && known != Some(Possible::Sometimes)
                || whole == Possible::Perhaps && known.is_none()
            {
                answers.for_ai.insert(class, (whole, purpose));
            }
        }
        Ok(())
    }
}

impl Answers {
    fn granted(&self, purpose: Purpose) -> Possible {
        let granted = self.granted.get(&purpose).copied();
        granted.unwrap_or(Possible::Never)
    }

    /// Nothing more is known of a purpose than what was found so far.
    fn give_up(&mut self, purpose: Purpose, classes: usize) {
        note(
            self.granted.entry(purpose).or_insert(Possible::Never),
            Possible::Perhaps,
        );
        if purpose.audience().is_none() {
            return;
        }
        for class in (0..).map(ClassIdx).take(classes) {
            note(
                self.shown.entry(class).or_insert(Possible::Never),
                Possible::Perhaps,
            );
            if purpose.audience() == Some(Audience::Ai) {
                self.for_ai
                    .entry(class)
                    .or_insert((Possible::Perhaps, purpose));
            }
        }
    }
}

/// Adds what was found for some askers to what was found before.
fn note(known: &mut Possible, more: Possible) {
    *known = match (*known, more) {
        (Possible::Sometimes, _) | (_, Possible::Sometimes) => Possible::Sometimes,
        (Possible::Perhaps, _) | (_, Possible::Perhaps) => Possible::Perhaps,
        _ => Possible::Never,
    };
}

/// Whether a function comes to such a leaf on a choice that can be had: all but the outcomes of tests
/// that were not taken apart can.
fn possible(
    universe: &Universe,
    diagram: &Diagram,
    of: Ref,
    wanted: &dyn Fn(u32) -> bool,
) -> Possible {
    if !diagram.leaves(of).into_iter().any(wanted) {
        return Possible::Never;
    }
    let is_sure = |var| !matches!(universe.key(var), Some(Key::Truth(_)));
    if diagram.reaches(of, wanted, &is_sure) {
        Possible::Sometimes
    } else {
        Possible::Perhaps
    }
}

/// The leaf of a state that is emitted.
fn emitted(diagram: &mut Diagram, state: State) -> Result<u32, TooLarge> {
    let exactly = Ref::interval(Interval::exactly(state));
    let leaf = diagram.apply(Op::Emit, Ref::tri(Tri::True), exactly)?;
    leaf.value().ok_or(TooLarge)
}

/// Where a condition asks for a purpose, other than to except it.
fn asks_for(condition: &Expr, purpose: Purpose) -> Option<Span> {
    let is_named = |operand: &Operand| match &operand.node {
        OperandKind::Name(name) => **name == *purpose.as_str(),
        _ => false,
    };
    match &condition.node {
        ExprKind::And(parts) | ExprKind::Or(parts) => {
            parts.iter().find_map(|part| asks_for(part, purpose))
        }
        ExprKind::Compare(left, Compare::Eq, right) => {
            let named = [left, right].into_iter().find(|of| is_named(of))?;
            Some(named.span)
        }
        ExprKind::In {
            list,
            negated: false,
            ..
        } => {
            let OperandKind::List(items) = &list.node else {
                return None;
            };
            let named = items.iter().find(|of| is_named(of))?;
            Some(named.span)
        }
        _ => None,
    }
}
