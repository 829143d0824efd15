//! Callers' filters and sorts: they read what is shown of a row and nothing else of it.

use kith_domain::{Entity, FieldIdx, MaskKind, Value};

use super::lower::Lower;
use super::tidy::{all, any, constant};
use super::{Column, ColumnKind, Predicate, Test};
use crate::eval::fields_of;
use crate::filter::{GovernedFilter, NotVisible};
use crate::ir::{Atom, Base, Items, Term};
use crate::mask::DOTS;
use crate::names::Attr;
use crate::plan::{FieldPlan, Plan};
use crate::state::State;

/// How rows are put in order by what is shown of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Sort {
    /// Nothing is shown of it on any row: no order.
    None,
    /// By the value where `shown` holds; elsewhere the field counts as absent.
    Column {
        /// Not a list.
        column: Column,
        /// Where the value is shown as it is.
        shown: Predicate,
    },
    /// By masked values, or by conditions that no database is asked.
    InMemory,
}

impl Plan {
    /// How rows of an entity are put in order by what is shown of one of its fields, not a list.
    ///
    /// # Errors
    /// Names the field if it is hidden on every row.
    pub fn sort(&self, of: Entity, field: FieldIdx) -> Result<Sort, NotVisible> {
        self.may_ask(field)?;
        let mut lower = Lower::new(self, of);
        let found = lower.catalog.get(field);
        let Some(found) = found.filter(|found| found.entity == of) else {
            return Ok(Sort::None);
        };
        let shown = match self.field(field) {
            FieldPlan::Always(State::Visible) => Predicate::Always,
            FieldPlan::Always(State::Masked(MaskKind::Null) | State::Hidden) => {
                return Ok(Sort::None);
            }
            FieldPlan::Always(State::Masked(_)) => return Ok(Sort::InMemory),
            FieldPlan::Depends(residual) => {
                let mut masks = residual.masks.iter();
                if masks.any(|(kind, _)| *kind != MaskKind::Null) {
                    return Ok(Sort::InMemory);
                }
                lower.visible(field)
            }
        };
        if !lower.is_exact {
            return Ok(Sort::InMemory);
        }
        let column = Column::of(field, found);
        Ok(Sort::Column { column, shown })
    }
}

impl Lower<'_> {
    /// The filter is known to hold on what is shown.
    pub(super) fn of_filter(&mut self, filter: &GovernedFilter) -> Predicate {
        let (nodes, root) = filter.condition();
        self.node(nodes, root, true, Lower::shown_test)
    }

    /// One test of a filter: unknown where a field of it is hidden, and asked of the masked value where
    /// one is masked.
    fn shown_test(&mut self, atom: &Atom<FieldIdx>, want: bool) -> Predicate {
        let fields: Vec<FieldIdx> = fields_of(atom).collect();
        let plan = self.plan;
        let hides = |field: &FieldIdx| {
            let closed = [State::Hidden, State::Masked(MaskKind::Null)];
            matches!(plan.field(*field), FieldPlan::Always(state) if closed.contains(&state))
        };
        if fields.iter().any(hides) {
            return Predicate::Never;
        }
        let readable: Vec<_> = fields.iter().map(|field| self.readable(*field)).collect();
        let readable = all(readable);
        match atom {
            // There is a masked value wherever there is a value.
            Atom::Absent(_) => return all([readable, self.test(atom, want)]),
            // It shares nothing with anything, whatever the value.
            Atom::Overlap { left, right } if self.is_empty(left) || self.is_empty(right) => {
                return all([readable, constant(!want)]);
            }
            _ => {}
        }
        if let [field] = *fields.as_slice()
            && plan.field(field) == FieldPlan::Always(State::Masked(MaskKind::Redact))
        {
            return self.redacted_test(atom, field, want);
        }
        let visible: Vec<_> = fields.iter().map(|field| self.visible(*field)).collect();
        let plain = all(visible.into_iter().chain([self.test(atom, want)]));
        let mut fields = fields.iter();
        if !fields.any(|field| self.may_match_masked(atom, *field)) {
            return plain;
        }
        let masked = all([readable, self.rest()]);
        any([plain, masked])
    }

    /// A test of one field that is dots wherever there is a value.
    fn redacted_test(&mut self, atom: &Atom<FieldIdx>, field: FieldIdx, want: bool) -> Predicate {
        let found = self.catalog.get(field).filter(|of| of.entity == self.of);
        let Some(found) = found else {
            return self.test(atom, want);
        };
        let present = Predicate::Test(Test::Present(Column::of(field, found)));
        let shown = redacted(atom);
        all([present, self.test(&shown, want)])
    }

    /// Where at least a mask is shown that tells whether there is a value.
    fn readable(&mut self, field: FieldIdx) -> Predicate {
        self.free_of(field, |kind| kind == MaskKind::Null)
    }

    /// Where the value is shown as it is.
    fn visible(&mut self, field: FieldIdx) -> Predicate {
        match self.plan.field(field) {
            FieldPlan::Always(state) => constant(state == State::Visible),
            FieldPlan::Depends(_) => self.free_of(field, |_| true),
        }
    }

    /// Where a field is revealed, and none of these masks applies.
    fn free_of(&mut self, field: FieldIdx, of: impl Fn(MaskKind) -> bool) -> Predicate {
        let plan = self.plan;
        match plan.field(field) {
            FieldPlan::Always(state) => constant(state != State::Hidden),
            FieldPlan::Depends(residual) => {
                let mut parts = vec![self.of_plan(residual.revealed, true)];
                for (kind, applies) in &residual.masks {
                    if of(*kind) {
                        parts.push(self.of_plan(*applies, false));
                    }
                }
                all(parts)
            }
        }
    }

    /// Whether a field of the row may be shown through a mask that leaves anything to compare.
    fn may_be_masked(&self, field: FieldIdx) -> bool {
        let is_of_row = self
            .catalog
            .get(field)
            .is_some_and(|found| found.entity == self.of);
        is_of_row
            && match self.plan.field(field) {
                FieldPlan::Always(state) => matches!(state, State::Masked(_)),
                FieldPlan::Depends(residual) => {
                    let mut masks = residual.masks.iter();
                    masks.any(|(kind, _)| *kind != MaskKind::Null)
                }
            }
    }

    /// Whether a test could be anything but unknown where this field is masked: a masked value is a text.
    fn may_match_masked(&self, atom: &Atom<FieldIdx>, field: FieldIdx) -> bool {
        if !self.may_be_masked(field) {
            return false;
        }
        let is = |term: &Term| matches!(term.base, Base::Field(at) if at.field == field);
        match atom {
            Atom::Compare { left, right, .. } if is(left) => self.may_be_text(right),
            Atom::Compare { left, .. } => self.may_be_text(left),
            Atom::Overlap { left, right } => match (left, right) {
                (Items::One(term), other) | (other, Items::One(term)) if is(term) => match other {
                    Items::One(term) => self.may_be_text(term),
                    Items::Const(values) => values.iter().any(|v| matches!(v, Value::String(_))),
                    Items::Field(_) | Items::Attr(_) => true,
                    Items::Unknown => false,
                },
                // A masked list is no list, and so unknown, but an empty other one decides.
                (Items::Field(_), Items::Field(_)) => true,
                _ => false,
            },
            Atom::Absent(_) | Atom::State { .. } => false,
        }
    }

    fn may_be_text(&self, term: &Term) -> bool {
        match &term.base {
            Base::Const(value) => matches!(value, Value::String(_)),
            Base::Attr(attr) => !matches!(attr, Attr::Now | Attr::SignedIdentity),
            Base::Field(at) => {
                let found = self.catalog.get(at.field);
                self.may_be_masked(at.field)
                    || found.is_some_and(|found| ColumnKind::of(&found.ty) == ColumnKind::Text)
            }
        }
    }
}

/// The same test with dots in the place of its fields.
fn redacted(atom: &Atom<FieldIdx>) -> Atom<FieldIdx> {
    let dots = || Base::Const(Value::String(DOTS.into())).term();
    let term = |term: &Term| match term.base {
        Base::Field(_) => dots(),
        _ => term.clone(),
    };
    let items = |items: &Items| match items {
        Items::One(one) => Items::One(term(one)),
        // A list is redacted whole, and what is left of it is none.
        Items::Field(_) => Items::Unknown,
        other => other.clone(),
    };
    match atom {
        Atom::Compare { left, op, right } => Atom::Compare {
            left: term(left),
            op: *op,
            right: term(right),
        },
        Atom::Overlap { left, right } => Atom::Overlap {
            left: items(left),
            right: items(right),
        },
        other => other.clone(),
    }
}
