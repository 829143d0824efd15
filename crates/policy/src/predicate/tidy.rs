//! Joining predicates so that what is decided falls out, and alternatives on one column become one test.

use super::{Column, ColumnKind, Operand, Predicate, Test};
use crate::ast::Op;
use kith_domain::Value;

pub(super) const fn constant(holds: bool) -> Predicate {
    if holds {
        Predicate::Always
    } else {
        Predicate::Never
    }
}

/// All of them.
pub(super) fn all(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Predicate::Never => return Predicate::Never,
            Predicate::Always => {}
            Predicate::All(parts) => extend(&mut kept, parts),
            part => extend(&mut kept, [part]),
        }
    }
    one_or(kept, Predicate::Always, Predicate::All)
}

/// Any of them.
pub(super) fn any(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Predicate::Always => return Predicate::Always,
            Predicate::Never => {}
            Predicate::Any(parts) => extend(&mut kept, parts),
            part => extend(&mut kept, [part]),
        }
    }
    one_or(gather(kept), Predicate::Never, Predicate::Any)
}

fn extend(kept: &mut Vec<Predicate>, parts: impl IntoIterator<Item = Predicate>) {
    for part in parts {
        if !kept.contains(&part) {
            kept.push(part);
        }
    }
}

fn one_or(
    mut kept: Vec<Predicate>,
    none: Predicate,
    several: fn(Vec<Predicate>) -> Predicate,
) -> Predicate {
    match kept.len() {
        0 => none,
        1 => kept.pop().unwrap_or(none),
        _ => several(kept),
    }
}

/// `a == 1 or a == 2` is `a in [1, 2]`.
fn gather(parts: Vec<Predicate>) -> Vec<Predicate> {
    let mut gathered: Vec<Predicate> = Vec::with_capacity(parts.len());
    for part in parts {
        let Some((column, values)) = alternatives(&part) else {
            gathered.push(part);
            continue;
        };
        let same = gathered.iter_mut().find_map(|known| {
            let (of, held) = alternatives(known)?;
            (of == column).then_some((known, held))
        });
        match same {
            None => gathered.push(part),
            Some((known, mut among)) => {
                for value in values {
                    if !among.contains(&value) {
                        among.push(value);
                    }
                }
                *known = among_of(column, among, false);
            }
        }
    }
    gathered
}

/// The column and the values of a test that asks for one of them.
fn alternatives(part: &Predicate) -> Option<(Column, Vec<Value>)> {
    match part {
        Predicate::Test(Test::In {
            column,
            among,
            negated: false,
        }) => Some((column.clone(), among.clone())),
        Predicate::Test(Test::Compare {
            left: Operand::Column(column, 0),
            op: Op::Eq,
            right: Operand::Value(value),
        }) if column.kind != ColumnKind::Decimal => Some((column.clone(), vec![value.clone()])),
        _ => None,
    }
}

/// The value of a column is one of these, or known to be none of them. All are of its kind.
pub(super) fn among_of(column: Column, mut among: Vec<Value>, negated: bool) -> Predicate {
    let last = among.pop();
    match last {
        None => Predicate::Never,
        Some(value) if among.is_empty() => Predicate::Test(Test::Compare {
            left: Operand::Column(column, 0),
            op: if negated { Op::Ne } else { Op::Eq },
            right: Operand::Value(value),
        }),
        Some(value) => {
            among.push(value);
            Predicate::Test(Test::In {
                column,
                among,
                negated,
            })
        }
    }
}
