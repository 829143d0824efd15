//! `shadowed`: statements without which every request would be decided alike.

use std::collections::{HashMap, HashSet};

use kith_domain::Purpose;

use super::subjects::{Read, have_to_do, subjects};
use super::{Does, Lint, Linter, Silent, Target, with_audience};
use crate::finite::{Asked, Conditions, Is, Possible};
use crate::ir::NodeId;
use crate::policies::{ClassIdx, Effect, Inner, Policies, StatementIdx};

/// What is asked of two statements, so that it is asked once.
type Question = (StatementIdx, StatementIdx, How, Option<Purpose>);

/// How one statement may make another needless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum How {
    /// The other is true wherever this is.
    True,
    /// The other is not false wherever this is not.
    NotFalse,
    /// Both: then no state is other, and no doubt about one.
    Both,
    /// The other is true wherever this is not false.
    TakesBack,
}

/// Who makes a statement needless.
enum Cover {
    /// One statement.
    One(StatementIdx),
    /// Several together.
    Together,
    /// Nobody.
    None,
    /// Not known.
    Doubt,
}

impl Linter<'_> {
    /// Looks from the last statement to the first, so that of two that say the same the later is
    /// told. What is told makes nothing else needless, so that all of it can be removed at once.
    pub(super) fn shadowed(&mut self, policies: &Policies, silent: &Silent) {
        let mut search = Search {
            inner: self.inner,
            conditions: Conditions::new(policies),
            subjects: HashMap::new(),
            known: HashMap::new(),
            always: &silent.always,
            gone: silent.unreachable.clone(),
            audiences: with_audience(),
        };
        for idx in self.statements().rev() {
            if silent.unreachable.contains(&idx) {
                continue;
            }
            let cover = match self.does.get(idx.index()) {
                None => continue,
                Some(Does::Fields(classes)) => {
                    // What a `show` cannot lift it need not be needed for.
                    let counts = |one: &&(ClassIdx, Effect)| {
                        one.1 != Effect::Show || !self.within_reach(&[**one]).is_empty()
                    };
                    let classes: Vec<_> = classes.iter().filter(counts).copied().collect();
                    search.of_fields(idx, &classes)
                }
                Some(Does::Purposes(purposes)) => search.of_purposes(idx, purposes),
                Some(Does::Limit(place)) => search.of_limit(*place),
                Some(Does::Route(place)) => search.of_route(*place),
            };
            let target = Target::Statement(idx);
            match cover {
                Cover::None => continue,
                Cover::Doubt => {
                    self.in_doubt.insert((Lint::Shadowed, target));
                    continue;
                }
                Cover::One(_) | Cover::Together => {}
            }
            search.gone.insert(idx);
            self.tell(idx, &cover);
        }
    }

    fn tell(&mut self, idx: StatementIdx, cover: &Cover) {
        let Some((checked, written, _)) = self.checked(idx) else {
            return;
        };
        let (keyword, span) = (checked.keyword, written.statement.span);
        let other = match cover {
            Cover::One(other) => self.inner.statement(*other),
            _ => None,
        };
        let place = other.map(|other| format!("{}:{}", other.file, other.line));
        let message = match (keyword, other.map(|other| other.keyword), place) {
            ("route", _, Some(place)) => {
                format!("the route at {place} always decides before this one")
            }
            ("route", _, None) => "the routes before this one always decide".to_owned(),
            ("show", Some("hide"), Some(place)) => {
                format!("the `hide` at {place} takes back all that this shows")
            }
            ("mask", Some("hide"), Some(place)) => {
                format!("the `hide` at {place} hides all that this masks")
            }
            (_, Some(word), Some(place)) => {
                let does = match keyword {
                    "allow" => "allows",
                    "forbid" => "forbids",
                    "show" => "shows",
                    "mask" => "masks",
                    "limit" => "keeps out of view",
                    _ => "hides",
                };
                format!("the `{word}` at {place} {does} all that this one does")
            }
            _ => format!("other statements together do all that this `{keyword}` does"),
        };
        let hint = match keyword {
            "route" => "the first that holds decides: move this one up, or remove it",
            "show" if other.is_some_and(|other| other.keyword == "hide") => {
                "the strictest wins: except these askers from the `hide` with `unless`, or remove this"
            }
            _ => "remove this one, or change the other if this one was meant to differ from it",
        };
        let target = Target::Statement(idx);
        self.find(Lint::Shadowed, target, span, message, hint.to_owned());
    }
}

struct Search<'a> {
    inner: &'a Inner,
    conditions: Conditions<'a>,
    subjects: HashMap<StatementIdx, HashSet<Read>>,
    known: HashMap<Question, Option<bool>>,
    always: &'a HashSet<StatementIdx>,
    /// Statements that make nothing needless, for they do nothing or are needless themselves.
    gone: HashSet<StatementIdx>,
    audiences: Vec<Purpose>,
}

impl Search<'_> {
    fn of_purposes(&mut self, idx: StatementIdx, purposes: &[Purpose]) -> Cover {
        let inner = self.inner;
        let grants = inner.statement(idx).is_some_and(|of| of.keyword == "allow");
        let (by, how) = if grants {
            (&inner.allow, How::True)
        } else {
            (&inner.forbid, How::NotFalse)
        };
        let mut covers = Vec::new();
        for purpose in purposes {
            let others = by.get(purpose).into_iter().flatten();
            let others = others.map(|other| (*other, how));
            covers.push(self.any(idx, others.collect(), Some(*purpose)));
        }
        all(covers)
    }

    fn of_fields(&mut self, idx: StatementIdx, classes: &[(ClassIdx, Effect)]) -> Cover {
        let inner = self.inner;
        let mut covers = Vec::new();
        for (class, effect) in classes {
            let Some(class) = inner.classes.get(class.index()) else {
                return Cover::None;
            };
            let others = class.effects.iter().filter_map(|(other, theirs)| {
                let how = match (*effect, *theirs) {
                    (Effect::Show, Effect::Show)
                    | (Effect::Mask(_), Effect::Hide)
                    | (Effect::Hide, Effect::Hide) => How::Both,
                    (Effect::Mask(one), Effect::Mask(other)) if one.meet(other) == other => {
                        How::Both
                    }
                    (Effect::Show, Effect::Hide) => How::TakesBack,
                    _ => return None,
                };
                Some((*other, how))
            });
            covers.push(self.any(idx, others.collect(), None));
        }
        all(covers)
    }

    /// The first of some statements that makes this one needless.
    fn any(
        &mut self,
        idx: StatementIdx,
        others: Vec<(StatementIdx, How)>,
        purpose: Option<Purpose>,
    ) -> Cover {
        let mut is_in_doubt = false;
        for (other, how) in others {
            if other == idx || self.gone.contains(&other) {
                continue;
            }
            match self.ask((idx, other, how, purpose)) {
                Some(true) => return Cover::One(other),
                Some(false) => {}
                None => is_in_doubt = true,
            }
        }
        if is_in_doubt {
            Cover::Doubt
        } else {
            Cover::None
        }
    }

    fn ask(&mut self, question: Question) -> Option<bool> {
        if let Some(known) = self.known.get(&question) {
            return *known;
        }
        let answer = self.answer(question);
        self.known.insert(question, answer);
        answer
    }

    fn answer(&mut self, (idx, other, how, purpose): Question) -> Option<bool> {
        let (a, b) = (self.condition(idx)?, self.condition(other)?);
        if !self.always.contains(&other) && !self.have_to_do(idx, other) {
            return Some(false);
        }
        let verdict = purpose.map(|purpose| [purpose]);
        let asked = match &verdict {
            Some(purposes) => Asked::of_verdicts(purposes),
            None => Asked::of_fields(&self.audiences),
        };
        let mut implies = |is| self.conditions.implies(a, b, is, &asked);
        match how {
            How::True => implies(Is::True),
            How::NotFalse => implies(Is::NotFalse),
            How::Both => match implies(Is::True) {
                Some(true) => implies(Is::NotFalse),
                other => other,
            },
            How::TakesBack => {
                let both = [(a, Is::NotFalse), (b, Is::NotTrue)];
                decided(self.conditions.can_all_be(&both, &asked))
            }
        }
    }

    /// A limit is needless if whatever it keeps out another of the entity keeps out as well.
    fn of_limit(&mut self, place: usize) -> Cover {
        let inner = self.inner;
        let Some(limit) = inner.limits.get(place) else {
            return Cover::None;
        };
        let Some(condition) = self.condition(limit.statement) else {
            return Cover::None;
        };
        let asked = Asked::of_fields(Purpose::ALL);
        let mut is_in_doubt = false;
        for other in &inner.limits {
            let is_other = other.statement != limit.statement && other.entity == limit.entity;
            if !is_other || self.gone.contains(&other.statement) {
                continue;
            }
            let Some(theirs) = self.condition(other.statement) else {
                continue;
            };
            let out = [(condition, Is::NotFalse), (limit.predicate, Is::NotTrue)];
            let kept = [(theirs, Is::False), (other.predicate, Is::True)];
            let answers = kept.map(|kept| {
                let [a, b] = out;
                decided(self.conditions.can_all_be(&[a, b, kept], &asked))
            });
            match answers {
                [Some(true), Some(true)] => return Cover::One(other.statement),
                [Some(false), _] | [_, Some(false)] => {}
                _ => is_in_doubt = true,
            }
        }
        if is_in_doubt {
            Cover::Doubt
        } else {
            Cover::None
        }
    }

    /// A route is needless if one before it decides wherever it would.
    fn of_route(&mut self, place: usize) -> Cover {
        let inner = self.inner;
        let Some((route, before)) = inner.routes.get(place).zip(inner.routes.get(..place)) else {
            return Cover::None;
        };
        let Some(condition) = self.condition(route.statement) else {
            return Cover::None;
        };
        let before = before.iter().filter_map(|other| {
            let condition = inner.statement(other.statement)?.condition;
            Some((other.statement, condition))
        });
        let before: Vec<(StatementIdx, NodeId)> = before
            .filter(|(other, _)| !self.gone.contains(other))
            .collect();
        let asked = Asked::of_fields(Purpose::ALL);
        let mut passed = vec![(condition, Is::NotFalse)];
        passed.extend(before.iter().map(|(_, other)| (*other, Is::False)));
        match decided(self.conditions.can_all_be(&passed, &asked)) {
            None => return Cover::Doubt,
            Some(false) => return Cover::None,
            Some(true) => {}
        }
        for (statement, other) in before {
            let passed = [(condition, Is::NotFalse), (other, Is::False)];
            if decided(self.conditions.can_all_be(&passed, &asked)) == Some(true) {
                return Cover::One(statement);
            }
        }
        Cover::Together
    }

    fn condition(&self, idx: StatementIdx) -> Option<NodeId> {
        Some(self.inner.statement(idx)?.condition)
    }

    fn have_to_do(&mut self, a: StatementIdx, b: StatementIdx) -> bool {
        for idx in [a, b] {
            if !self.subjects.contains_key(&idx)
                && let Some(condition) = self.condition(idx)
            {
                let read = subjects(self.inner, condition);
                self.subjects.insert(idx, read);
            }
        }
        match (self.subjects.get(&a), self.subjects.get(&b)) {
            (Some(a), Some(b)) => have_to_do(a, b),
            _ => true,
        }
    }
}

fn decided(possible: Possible) -> Option<bool> {
    match possible {
        Possible::Never => Some(true),
        Possible::Sometimes => Some(false),
        Possible::Perhaps => None,
    }
}

/// Every part of a statement is covered, perhaps each by another.
fn all(covers: Vec<Cover>) -> Cover {
    let mut whole = Cover::None;
    for (place, cover) in covers.into_iter().enumerate() {
        whole = match (whole, cover) {
            (_, Cover::None) => return Cover::None,
            (Cover::Doubt, _) | (_, Cover::Doubt) => Cover::Doubt,
            (_, first) if place == 0 => first,
            (Cover::One(a), Cover::One(b)) if a == b => Cover::One(a),
            _ => Cover::Together,
        };
    }
    whole
}
