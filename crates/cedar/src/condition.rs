//! Conditions of three values as two Cedar expressions.

use kith_domain::Catalog;
use kith_policy::ast::{Expr, ExprKind, Op, Operand, OperandKind};

use crate::Why;
use crate::read::{Kind, Reading, Side, fixed, quoted, side};

/// Where a condition is true, and where it is false. Elsewhere it is unknown.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) yes: String,
    pub(crate) no: String,
}

impl Condition {
    pub(crate) fn always() -> Self {
        Self {
            yes: "true".to_owned(),
            no: "false".to_owned(),
        }
    }

    pub(crate) fn not(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
        }
    }

    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            yes: format!("({}) && ({})", self.yes, other.yes),
            no: format!("({}) || ({})", self.no, other.no),
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(&other.not()).not()
    }

    fn not_if(self, negated: bool) -> Self {
        if negated { self.not() } else { self }
    }

    /// A test that is known to hold or not where all is `known`.
    fn known(known: &str, test: &str) -> Self {
        Self {
            yes: format!("{known} && {test}"),
            no: format!("{known} && !({test})"),
        }
    }
}

/// `when and not unless`.
pub(crate) fn clauses(
    catalog: &Catalog,
    when: Option<&Expr>,
    unless: Option<&Expr>,
) -> Result<Condition, Why> {
    let mut all = Condition::always();
    if let Some(when) = when {
        all = condition(catalog, when)?;
    }
    if let Some(unless) = unless {
        all = all.and(&condition(catalog, unless)?.not());
    }
    Ok(all)
}

pub(crate) fn condition(catalog: &Catalog, of: &Expr) -> Result<Condition, Why> {
    match &of.node {
        ExprKind::And(parts) => parts.iter().try_fold(Condition::always(), |all, part| {
            Ok(all.and(&condition(catalog, part)?))
        }),
        ExprKind::Or(parts) => {
            let none = Condition::always().not();
            parts
                .iter()
                .try_fold(none, |any, part| Ok(any.or(condition(catalog, part)?)))
        }
        ExprKind::Not(inner) => Ok(condition(catalog, inner)?.not()),
        ExprKind::Compare(left, op, right) => {
            let (left, right) = (side(catalog, left)?, side(catalog, right)?);
            compare(left, *op, right)
        }
        ExprKind::In {
            item,
            list,
            negated,
        } => {
            let (item, list) = (side(catalog, item)?, side(catalog, list)?);
            Ok(contains(catalog, item, list)?.not_if(*negated))
        }
        ExprKind::Absent { of, negated } => match side(catalog, of)? {
            Side::One(of) => {
                let there = Condition::known(&of.bound, &of.present);
                Ok(there.not_if(!negated))
            }
            _ => Err(Why::UnknownForm),
        },
        ExprKind::Broken => Err(Why::UnknownForm),
    }
}

fn compare(left: Side<'_>, op: Op, right: Side<'_>) -> Result<Condition, Why> {
    match (left, right) {
        (Side::One(left), Side::One(right)) => compared(&left, op, &right),
        (Side::One(one), Side::Literal(literal)) => compared(&one, op, &fixed(literal, one.kind)?),
        (Side::One(one), Side::Purpose(purpose)) => {
            let purpose = Reading {
                value: quoted(purpose.as_str()),
                ..one.clone()
            };
            compared(&one, op, &purpose)
        }
        (Side::Any(roles), other) if matches!(op, Op::Eq | Op::Ne) => {
            let other = match other {
                Side::One(other) => other,
                Side::Literal(literal) => fixed(literal, Kind::Text)?,
                _ => return Err(Why::UnknownForm),
            };
            let one = format!("[{}]", other.value);
            let known = other.known();
            Ok(overlap(&roles, &known, &one, "false").not_if(op == Op::Ne))
        }
        (Side::Between(later, earlier), Side::Literal(literal)) => {
            let between = Reading {
                bound: format!("{} && {}", later.known(), earlier.known()),
                present: "true".to_owned(),
                value: format!("({} - {})", later.value, earlier.value),
                kind: Kind::Duration,
            };
            compared(&between, op, &fixed(literal, Kind::Duration)?)
        }
        (
            left @ (Side::Literal(_) | Side::Purpose(_)),
            right @ (Side::One(_) | Side::Any(_) | Side::Between(..)),
        )
        | (left @ Side::One(_), right @ Side::Any(_)) => compare(right, op.swapped(), left),
        _ => Err(Why::UnknownForm),
    }
}

/// Two values, each known or not.
fn compared(left: &Reading, op: Op, right: &Reading) -> Result<Condition, Why> {
    let mut known = format!("{} && {}", left.known(), right.known());
    let (mut a, mut b) = (left.value.clone(), right.value.clone());
    match (left.kind, right.kind) {
        (Kind::Money(_), Kind::Money(_)) => {
            // The currency is the value's own: it may be another than the field's.
            known = format!("{known} && {a}.currency == {b}.currency");
            a += ".micros";
            b += ".micros";
        }
        (Kind::Int, Kind::Fraction) | (Kind::Fraction, Kind::Int) => {
            return Err(Why::MixedNumbers);
        }
        (Kind::Text, Kind::Text) if !matches!(op, Op::Eq | Op::Ne) => return Err(Why::TextOrder),
        (a, b) if a != b || a == Kind::Texts => return Err(Why::UnknownForm),
        _ => {}
    }
    let holds = if op == Op::Ne { Op::Eq } else { op };
    let test = Condition::known(&known, &format!("{a} {} {b}", holds.as_str()));
    Ok(test.not_if(op == Op::Ne))
}

fn contains(catalog: &Catalog, item: Side<'_>, list: Side<'_>) -> Result<Condition, Why> {
    match (item, list) {
        (Side::One(one), Side::Literals(items)) => any_of(catalog, &one, items),
        (Side::Any(roles), Side::Literals(items)) => {
            let words = items.iter().map(|item| match &item.node {
                OperandKind::Literal(literal) => Ok(fixed(literal, Kind::Text)?.value),
                _ => Err(Why::UnknownForm),
            });
            let words = words.collect::<Result<Vec<_>, _>>()?;
            let is_empty = words.is_empty().to_string();
            let set = format!("[{}]", words.join(", "));
            Ok(overlap(&roles, "true", &set, &is_empty))
        }
        (Side::Any(roles), Side::One(list)) if list.kind == Kind::Texts => {
            let is_empty = format!("{} && {}.isEmpty()", list.known(), list.value);
            Ok(overlap(&roles, &list.known(), &list.value, &is_empty))
        }
        (Side::One(one), Side::One(list)) if list.kind == Kind::Texts => Ok(overlap(
            &list,
            &one.known(),
            &format!("[{}]", one.value),
            "false",
        )),
        (Side::Literal(literal), Side::One(list)) if list.kind == Kind::Texts => {
            let one = fixed(literal, Kind::Text)?;
            Ok(overlap(&list, "true", &format!("[{}]", one.value), "false"))
        }
        _ => Err(Why::UnknownForm),
    }
}

/// `x in [a, b]` as `x == a or x == b`, for each may be unknown by itself.
fn any_of(catalog: &Catalog, one: &Reading, items: &[Operand]) -> Result<Condition, Why> {
    let none = Condition::always().not();
    items.iter().try_fold(none, |any, item| {
        let item = side(catalog, item)?;
        Ok(any.or(compare(Side::One(one.clone()), Op::Eq, item)?))
    })
}

/// Whether two sets share an item. An empty one shares none, whatever is unknown of the other.
fn overlap(set: &Reading, known: &str, other: &str, other_is_empty: &str) -> Condition {
    let of_set = set.known();
    let shared = Condition::known(
        &format!("{of_set} && {known}"),
        &format!("{}.containsAny({other})", set.value),
    );
    Condition {
        no: format!(
            "({of_set} && {}.isEmpty()) || ({other_is_empty}) || ({})",
            set.value, shared.no
        ),
        ..shared
    }
}
