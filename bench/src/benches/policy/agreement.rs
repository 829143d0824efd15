//! All engines give the same answers, and to the questions that the budget is about.

use std::collections::HashSet;
use std::error::Error;

use kith_policy::{Batch, FieldPlan, Plan};

use super::accounts::Account;
use super::by_hand::{ByHand, Member, Verdict};
use super::cedar::Cedar;
use super::rego::Rego;
use super::workload::{CLASSES, Workload, fields, now, subjects};

/// Refuses a comparison of engines that do not decide the same, or of another size than stated.
pub(super) fn check(
    workload: &Workload,
    plan: &Plan,
    accounts: &[Account],
    by_hand: &ByHand,
    cedar: &Cedar,
    rego: &Rego,
) -> Result<(), Box<dyn Error>> {
    let fields = fields(&workload.catalog);
    let mut residuals = HashSet::new();
    for field in &fields {
        if let FieldPlan::Depends(residual) = plan.field(*field) {
            residuals.insert(residual);
        }
    }
    if residuals.len() != CLASSES {
        return Err(format!("{} distinct residuals, not {CLASSES}", residuals.len()).into());
    }

    let rows = workload.rows(accounts);
    let subjects = subjects(&rows);
    let mut batch = Batch::default();
    let decisions = plan.decide_all(&subjects, now(), &mut batch);
    let cells = super::cells(accounts.len(), &workload.class_of);
    let (mut of_cedar, mut of_rego, mut of_hand) = (Vec::new(), Vec::new(), Vec::new());
    cedar.states(&cells, &mut of_cedar);
    rego.states(&cells, &mut of_rego)?;
    if !cedar.is_sound() {
        return Err("a policy of Cedar's faults".into());
    }

    let mut seen = HashSet::new();
    let mut peers = of_cedar.iter().zip(&of_rego);
    for (row, (account, subject)) in accounts.iter().zip(&subjects).enumerate() {
        of_hand.clear();
        let by_hand = by_hand.decide(account, &Member::sam(), &mut of_hand);
        let kith = Verdict {
            exists: decisions.exists(row),
            allowed: decisions.is_allowed(row),
        };
        same(
            row,
            "verdict",
            &[kith, by_hand, cedar.verdict(row), rego.verdict(row)?],
        )?;
        let alone = plan.decide(subject, now());
        for ((field, by_hand), (cedar, rego)) in fields.iter().zip(&of_hand).zip(&mut peers) {
            let kith = decisions.state(row, *field);
            same(row, "state", &[kith, *by_hand, *cedar, *rego])?;
            same(row, "state alone", &[kith, alone.state(*field)])?;
            seen.insert((kith.word(), kith.mask()));
        }
    }
    if seen.len() < 2 {
        return Err("every field of every row is the same".into());
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug, const N: usize>(
    row: usize,
    what: &str,
    answers: &[T; N],
) -> Result<(), Box<dyn Error>> {
    let mut pairs = answers.iter().zip(answers.iter().skip(1));
    if pairs.all(|(a, b)| a == b) {
        return Ok(());
    }
    Err(format!("row {row}: engines differ in a {what}: {answers:?}").into())
}
