//! Callers' filters: the conditions of the policy language, read through a plan. What the caller may
//! not see does not exist for a filter either: otherwise it would tell by its matches what a mask hides.
//!
//! This is the meaning in memory, over one row; renderings to SQL must agree with it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use kith_domain::{Diagnostic, Entity, FieldIdx, Purpose, Timestamp, Value};
use serde::Serialize;

use crate::check::check_filter;
use crate::decision::Decision;
use crate::eval::{Env, fields_of};
use crate::ir::{Arena, Atom, Node, NodeId};
use crate::mask;
use crate::plan::Plan;
use crate::policies::Policies;
use crate::state::State;
use crate::subject::{Row, Subject};
use crate::tri::Tri;

/// A checked filter, of one version's catalog. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Filter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    nodes: Arena<FieldIdx>,
    root: NodeId,
    fields: BTreeSet<FieldIdx>,
}

/// A filter whose fields the plan shows on some row at least.
#[derive(Debug, Clone)]
pub struct GovernedFilter {
    filter: Filter,
    plan: Plan,
}

/// A field that the caller named and may see on no row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotVisible {
    /// The field's path.
    pub field: Arc<str>,
    /// The purpose of the request.
    pub purpose: Purpose,
}

impl fmt::Display for NotVisible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, purpose } = self;
        write!(
            f,
            "`{field}` is not visible to you for `{purpose}`: leave it out, or ask its owner"
        )
    }
}

impl std::error::Error for NotVisible {}

impl Policies {
    /// Reads a caller's filter, such as `account.plan == "growth"`.
    ///
    /// # Errors
    /// Every mistake, in order of position.
    pub fn filter(&self, text: &str) -> Result<Filter, Vec<Diagnostic>> {
        let (nodes, root) = check_filter(&self.0.catalog, text)?;
        let atoms = nodes.nodes().iter().filter_map(|node| match node {
            Node::Atom(atom) => Some(atom),
            _ => None,
        });
        let fields = atoms.flat_map(fields_of).collect();
        Ok(Filter(Arc::new(Inner {
            nodes,
            root,
            fields,
        })))
    }
}

impl Filter {
    /// The fields that it reads, in order of path.
    pub fn fields(&self) -> impl Iterator<Item = FieldIdx> {
        self.0.fields.iter().copied()
    }
}

impl Plan {
    /// Whether a caller may sort, group, search or filter by a field: not if it is hidden on every row.
    ///
    /// # Errors
    /// Names the field.
    pub fn may_ask(&self, field: FieldIdx) -> Result<(), NotVisible> {
        if !self.hides(field) {
            return Ok(());
        }
        let path = self
            .inner
            .policies
            .field(field)
            .map(|field| field.path.as_str());
        Err(NotVisible {
            field: path.unwrap_or_default().into(),
            purpose: self.purpose(),
        })
    }

    /// Binds a filter to this plan.
    ///
    /// # Errors
    /// Names the first field that is hidden on every row, before any row is read.
    pub fn govern(&self, filter: &Filter) -> Result<GovernedFilter, NotVisible> {
        for field in filter.fields() {
            self.may_ask(field)?;
        }
        Ok(GovernedFilter {
            filter: filter.clone(),
            plan: self.clone(),
        })
    }
}

impl Decision {
    /// A field's value as this decision shows it: as it is, through its mask, or not at all. `key` is
    /// the workspace's key for hashes.
    #[must_use]
    pub fn shown(&self, field: FieldIdx, subject: &Subject<'_>, key: &[u8; 32]) -> Option<Value> {
        let of = self.plan().inner.policies.field(field)?;
        let value = subject.row(of.entity)?.get(field)?;
        match self.state(field) {
            State::Hidden => None,
            State::Masked(kind) => mask::apply(kind, value, key),
            State::Visible => Some(value.clone()),
        }
    }
}

impl GovernedFilter {
    /// Whether a row that this plan decided on belongs in the answer: it exists, its verdict is true,
    /// and the filter holds on what is shown of it.
    #[must_use]
    pub fn keeps(
        &self,
        decision: &Decision,
        subject: &Subject<'_>,
        now: Timestamp,
        key: &[u8; 32],
    ) -> bool {
        if !decision.exists || !decision.verdict.is_allowed() {
            return false;
        }
        let masked = Masked::new(&self.filter, decision, subject, key);
        let shown = masked.subject(subject);
        let env = Env {
            subject: &shown,
            now,
            side: self.plan.sides.first(),
        };
        self.value(self.filter.0.root, decision, env).grants()
    }

    /// The fields that it reads, in order of path.
    pub fn fields(&self) -> impl Iterator<Item = FieldIdx> {
        self.filter.fields()
    }

    /// Its conditions, and the one that must be true.
    pub(crate) fn condition(&self) -> (&Arena<FieldIdx>, NodeId) {
        (&self.filter.0.nodes, self.filter.0.root)
    }

    fn value(&self, node: NodeId, decision: &Decision, env: Env<'_>) -> Tri {
        let nodes = &self.filter.0.nodes;
        match nodes.get(node) {
            None => Tri::Unknown,
            Some(Node::Const(tri)) => *tri,
            Some(Node::Not(inner)) => self.value(*inner, decision, env).negate(),
            Some(Node::And(parts)) => parts.iter().fold(Tri::True, |all, part| {
                all.and(self.value(*part, decision, env))
            }),
            Some(Node::Or(parts)) => parts.iter().fold(Tri::False, |any, part| {
                any.or(self.value(*part, decision, env))
            }),
            Some(Node::Atom(atom)) if self.is_closed(atom, decision) => Tri::Unknown,
            Some(Node::Atom(atom)) => env.test(atom),
        }
    }

    /// Whether a test reads what is hidden on this row, be it there or absent.
    fn is_closed(&self, atom: &Atom<FieldIdx>, decision: &Decision) -> bool {
        fields_of(atom).any(|field| match decision.state(field) {
            State::Hidden => true,
            // A `null` looks the same whether there is a value or none.
            State::Masked(kind) => kind == kith_domain::MaskKind::Null,
            State::Visible => false,
        })
    }
}

/// Copies of the rows in which masked values stand as they are shown.
#[derive(Default)]
struct Masked {
    rows: Vec<(Entity, Row)>,
}

impl Masked {
    fn new(filter: &Filter, decision: &Decision, subject: &Subject<'_>, key: &[u8; 32]) -> Self {
        let mut masked = Self::default();
        for field in filter.fields() {
            let State::Masked(_) = decision.state(field) else {
                continue;
            };
            let entity = decision
                .plan()
                .inner
                .policies
                .field(field)
                .map(|of| of.entity);
            let shown = decision.shown(field, subject, key);
            let Some((entity, shown)) = entity.zip(shown) else {
                continue;
            };
            if let Some(row) = masked.row(entity, subject) {
                row.set(field, shown);
            }
        }
        masked
    }

    fn row(&mut self, entity: Entity, subject: &Subject<'_>) -> Option<&mut Row> {
        if !self.rows.iter().any(|(known, _)| *known == entity) {
            self.rows.push((entity, subject.row(entity)?.clone()));
        }
        let mut rows = self.rows.iter_mut();
        rows.find(|(known, _)| *known == entity).map(|(_, row)| row)
    }

    fn subject<'a>(&'a self, subject: &Subject<'a>) -> Subject<'a> {
        let mut shown = *subject;
        for (entity, row) in &self.rows {
            shown.bind(*entity, row);
        }
        shown
    }
}
