//! The same policies as a Rust function, as someone would write it who has to be fast and needs no
//! reasons: every condition once per account, every class once, and one state for each field.

use kith_domain::MaskKind;
use kith_policy::State;

use super::accounts::Account;
use super::workload::{CLASSES, EURO, KINDS, class};

/// The roles and regions of the member who asks.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) roles: Vec<&'static str>,
    pub(super) regions: Vec<&'static str>,
}

impl Member {
    /// Who asks in every engine.
    pub(super) fn sam() -> Self {
        Self {
            roles: vec!["support"],
            regions: vec!["eu", "us", "apac"],
        }
    }
}

/// What is known beforehand of the fields.
#[derive(Debug)]
pub(super) struct ByHand {
    classes: Vec<([usize; 3], bool)>,
    class_of: Vec<usize>,
    rounds: i64,
}

/// Whether the account exists and the purpose is allowed on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    pub(super) exists: bool,
    pub(super) allowed: bool,
}

fn is(value: &Option<String>, text: &str) -> Option<bool> {
    value.as_deref().map(|value| value == text)
}

fn above(value: Option<i64>, bound: i64) -> Option<bool> {
    value.map(|value| value > bound)
}

fn below(value: Option<i64>, bound: i64) -> Option<bool> {
    value.map(|value| value < bound)
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    not(and(not(a), not(b)))
}

fn not(a: Option<bool>) -> Option<bool> {
    a.map(|a| !a)
}

/// A restriction applies when its condition is not false.
fn when(condition: Option<bool>) -> bool {
    condition != Some(false)
}

fn unless(condition: Option<bool>) -> bool {
    condition != Some(true)
}

/// Which kinds of statements apply to an account.
fn applies(account: &Account, member: &Member, round: i64) -> [bool; KINDS] {
    let used = above(account.usage, 7 * round - 1);
    let region = |text| is(&account.region, text);
    let country = |text| is(&account.country, text);
    let plan = |text| is(&account.plan, text);
    [
        when(and(region("us"), used)),
        unless(and(or(plan("growth"), plan("enterprise")), used)),
        when(above(account.seats, 40 + round)),
        when(and(is(&account.payment_state, "late"), used)),
        when(and(
            above(account.revenue, (5000 + 100 * round) * EURO),
            region("eu"),
        )),
        or(
            is(&account.segment, "partner"),
            above(account.health, 60 + round),
        ) == Some(true),
        unless(and(not(account.is_trial), used)),
        when(below(account.usage, 10 + round)),
        when(and(
            and(
                or(country("de"), country("fr")),
                not(is(&account.tier, "gold")),
            ),
            used,
        )),
        account.owner.is_none() && when(used),
        or(region("apac"), below(account.seats, 5 + round)) == Some(false),
        when(and(plan("trial"), above(account.usage, 500 + round))),
        unless(above(account.health, 20 + round)),
        member.roles.contains(&"success") && when(and(region("us"), used)),
        account.payment_state.is_none() || when(below(account.revenue, (100 + round) * EURO)),
        when(and(
            and(
                is(&account.tier, "bronze"),
                or(region("us"), region("apac")),
            ),
            used,
        )),
        unless(and(
            below(account.seats, 150 + round),
            not(is(&account.segment, "internal")),
        )),
        when(and(country("us"), below(account.health, 30 + round))),
    ]
}

impl ByHand {
    pub(super) fn new(class_of: &[usize], rounds: i64) -> Self {
        Self {
            classes: (0..CLASSES).map(class).collect(),
            class_of: class_of.to_vec(),
            rounds,
        }
    }

    /// Adds a state for each field of an account.
    pub(super) fn decide(
        &self,
        account: &Account,
        member: &Member,
        states: &mut Vec<State>,
    ) -> Verdict {
        let region = account.region.as_deref();
        let exists = region.is_some_and(|region| member.regions.contains(&region));
        let plan = account.plan.as_deref();
        let allowed =
            exists && member.roles.contains(&"support") && plan.is_some_and(|p| p != "internal");
        if !exists {
            states.resize(states.len() + self.class_of.len(), State::Hidden);
            return Verdict { exists, allowed };
        }
        let mut shown = [false; KINDS];
        let mut restricted = [false; KINDS];
        for round in 0..self.rounds {
            let applies = applies(account, member, round);
            for (kind, applies) in applies.into_iter().enumerate() {
                let all = if matches!(kind, 5 | 10) {
                    &mut shown
                } else {
                    &mut restricted
                };
                if let Some(all) = all.get_mut(kind) {
                    *all |= applies;
                }
            }
        }
        let holds = |of: &[bool; KINDS], kind: usize| of.get(kind) == Some(&true);
        let mut of_class = [State::Hidden; CLASSES];
        for (state, (kinds, is_restricted)) in of_class.iter_mut().zip(&self.classes) {
            if *is_restricted && !kinds.iter().any(|kind| holds(&shown, *kind)) {
                continue;
            }
            *state = State::Visible;
            for kind in kinds.iter().filter(|kind| holds(&restricted, **kind)) {
                *state = state.meet(match kind {
                    3 | 12 => State::Masked(MaskKind::Redact),
                    7 => State::Masked(MaskKind::Last4),
                    17 => State::Masked(MaskKind::Null),
                    _ => State::Hidden,
                });
            }
        }
        let state = |class: &usize| of_class.get(*class).copied().unwrap_or(State::Hidden);
        states.extend(self.class_of.iter().map(state));
        Verdict { exists, allowed }
    }
}
