//! Which tests made a condition what it is, and which fields its outcome rests on.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use kith_domain::FieldIdx;

use super::{reference, words};
use crate::decision::{Reason, ReasonCode, RestsOn, TestResult};
use crate::eval::fields_of;
use crate::ir::{Atom, Base, Items, Node, NodeId, Term};
use crate::names::ATTRIBUTES;
use crate::names::Attribute;
use crate::plan::{PlanInner, View, value_of};
use crate::policies::{Effect, StatementIdx};
use crate::state::State;
use crate::tri::Tri;

/// What the asker sees of the row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sight<'a> {
    /// Nothing.
    Nothing,
    /// The fields that are visible in these states.
    States(&'a [State]),
}

impl Sight<'_> {
    fn sees(self, plan: &PlanInner, field: FieldIdx) -> bool {
        match self {
            Self::Nothing => false,
            Self::States(states) => plan.state(states, field).is_visible(),
        }
    }
}

/// A test that decided, in which clause, and what came of it.
struct Decisive {
    node: NodeId,
    clause: &'static str,
    value: Option<Tri>,
}

/// A statement's outcome, from one view on one row.
#[derive(Clone, Copy)]
pub(super) struct Trace<'a> {
    pub(super) plan: &'a PlanInner,
    /// What the row makes of the nodes; `None` before there is a row.
    pub(super) values: Option<&'a [Tri]>,
    pub(super) view: View,
    pub(super) sight: Sight<'a>,
}

impl Trace<'_> {
    /// Why a statement applies or does not.
    pub(super) fn statement(&self, idx: StatementIdx, code: ReasonCode) -> Reason {
        let statement = self.plan.policies.statement(idx);
        let condition = statement.map(|statement| statement.condition);
        let unseen = condition.map_or_else(BTreeSet::new, |condition| self.unseen(condition));
        let in_full = unseen.is_empty();
        let rests_on = if in_full {
            self.decisive(idx)
                .into_iter()
                .filter_map(|decisive| self.rests_on(&decisive))
                .collect()
        } else {
            unseen
                .iter()
                .filter_map(|field| self.plan.policies.field(*field))
                .map(|field| RestsOn {
                    names: vec![field.path.as_str().into()],
                    test: None,
                })
                .collect()
        };
        let mut reason = Reason {
            code,
            side: words::side(self.plan, self.view),
            words: String::new(),
            statement: reference(self.plan, idx, in_full),
            rests_on,
            decided_by: statement.map(|statement| statement.id),
        };
        reason.words =
            words::of_statement(&reason, statement.map_or("", |statement| statement.keyword));
        reason
    }

    /// Adds what kept a field under its ceiling: the `show` statements that did not hold.
    pub(super) fn add_failed_shows(&self, reason: &mut Reason, field: FieldIdx) {
        let policies = &self.plan.policies;
        let class = policies
            .class(field)
            .and_then(|class| policies.classes.get(class.index()));
        let shows = class.into_iter().flat_map(|class| class.effects.iter());
        for (statement, effect) in shows {
            if *effect == Effect::Show {
                let failed = self.statement(*statement, ReasonCode::NotMet);
                reason.words.push_str("; ");
                reason.words.push_str(&failed.words);
                reason.rests_on.extend(failed.rests_on);
            }
        }
    }

    /// Fields that the outcome of a source node rests on and that the asker does not see.
    fn unseen(&self, source: NodeId) -> BTreeSet<FieldIdx> {
        let Some(node) = self.plan.statement_node(self.view, source) else {
            return BTreeSet::new();
        };
        let mut fields = BTreeSet::new();
        let mut visited = HashSet::new();
        self.collect(node, &mut visited, &mut fields);
        fields.retain(|field| !self.sight.sees(self.plan, *field));
        fields
    }

    /// Every field whose value a node of the plan reads, also through the states that it tests.
    fn collect(
        &self,
        node: NodeId,
        visited: &mut HashSet<NodeId>,
        fields: &mut BTreeSet<FieldIdx>,
    ) {
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            if !visited.insert(node) {
                continue;
            }
            match self.plan.nodes.get(node) {
                None | Some(Node::Const(_)) => {}
                Some(Node::Not(inner)) => pending.push(*inner),
                Some(Node::And(parts) | Node::Or(parts)) => pending.extend(parts.iter()),
                Some(Node::Atom(atom)) => fields.extend(fields_of(atom)),
            }
        }
    }

    fn value(&self, source: NodeId) -> Option<Tri> {
        let node = self.plan.statement_node(self.view, source)?;
        let constant = self.plan.nodes.constant(node);
        constant.or_else(|| self.values.map(|values| value_of(values, node)))
    }

    /// The tests that made the statement's condition what it is.
    fn decisive(&self, idx: StatementIdx) -> Vec<Decisive> {
        let mut found = Vec::new();
        let Some(statement) = self.plan.policies.statement(idx) else {
            return found;
        };
        let clauses = [("when", statement.when), ("unless", statement.unless)];
        let of_clause = |(clause, node): (&'static str, Option<NodeId>)| {
            let node = node?;
            let value = self.value(node);
            // The part that each clause has in `when and not unless`.
            let part = if clause == "unless" {
                value.map(Tri::negate)
            } else {
                value
            };
            Some((clause, node, part))
        };
        let clauses: Vec<_> = clauses.into_iter().filter_map(of_clause).collect();
        let whole = self.value(statement.condition);
        let is_false = |part: &Option<Tri>| *part == Some(Tri::False);
        let decided = clauses
            .iter()
            .filter(|(_, _, part)| *part == whole)
            .take(if is_false(&whole) { 1 } else { usize::MAX });
        for (clause, node, _) in decided {
            self.walk(*node, clause, &mut found);
        }
        found
    }

    fn walk(&self, source: NodeId, clause: &'static str, found: &mut Vec<Decisive>) {
        let value = self.value(source);
        match self.plan.policies.nodes.get(source) {
            None | Some(Node::Const(_)) => {}
            Some(Node::Not(inner)) => self.walk(*inner, clause, found),
            Some(Node::And(parts)) => self.walk_parts(parts, value, Tri::False, clause, found),
            Some(Node::Or(parts)) => self.walk_parts(parts, value, Tri::True, clause, found),
            Some(Node::Atom(_)) => found.push(Decisive {
                node: source,
                clause,
                value,
            }),
        }
    }

    /// One part is enough for the decisive value; for any other, every part of that value counts.
    fn walk_parts(
        &self,
        parts: &[NodeId],
        value: Option<Tri>,
        decisive: Tri,
        clause: &'static str,
        found: &mut Vec<Decisive>,
    ) {
        let enough = if value == Some(decisive) {
            1
        } else {
            usize::MAX
        };
        let alike = parts.iter().filter(|part| self.value(**part) == value);
        for part in alike.take(enough) {
            self.walk(*part, clause, found);
        }
    }

    /// What is still lacking for a statement's condition to be true, as sentences; nothing if that is
    /// not for the asker to know.
    pub(super) fn lacking(&self, idx: StatementIdx) -> Vec<String> {
        let mut lacking = Vec::new();
        if let Some(statement) = self.plan.policies.statement(idx)
            && self.unseen(statement.condition).is_empty()
        {
            self.need(statement.condition, Tri::True, &mut lacking);
        }
        lacking
    }

    /// Collects what would have to change for a source node to be `wanted`.
    fn need(&self, source: NodeId, wanted: Tri, lacking: &mut Vec<String>) {
        if self.value(source) == Some(wanted) {
            return;
        }
        match self.plan.policies.nodes.get(source) {
            None | Some(Node::Const(_)) => {}
            Some(Node::Not(inner)) => self.need(*inner, wanted.negate(), lacking),
            Some(Node::And(parts)) if wanted == Tri::True => self.need_all(parts, wanted, lacking),
            Some(Node::Or(parts)) if wanted == Tri::False => self.need_all(parts, wanted, lacking),
            Some(Node::And(parts) | Node::Or(parts)) => {
                let ways = parts.iter().map(|part| {
                    let mut way = Vec::new();
                    self.need(*part, wanted, &mut way);
                    way
                });
                lacking.extend(ways.min_by_key(Vec::len).unwrap_or_default());
            }
            Some(Node::Atom(_)) => {
                if let Some(text) = self.plan.policies.text(source) {
                    lacking.push(if wanted == Tri::True {
                        format!("`{text}`")
                    } else {
                        format!("not `{text}`")
                    });
                }
            }
        }
    }

    fn need_all(&self, parts: &[NodeId], wanted: Tri, lacking: &mut Vec<String>) {
        for part in parts {
            self.need(*part, wanted, lacking);
        }
    }

    fn rests_on(&self, decisive: &Decisive) -> Option<RestsOn> {
        let Some(Node::Atom(atom)) = self.plan.policies.nodes.get(decisive.node) else {
            return None;
        };
        let text = self.plan.policies.text(decisive.node)?;
        Some(RestsOn {
            names: self.names(atom),
            test: Some(TestResult {
                clause: decisive.clause,
                text: Arc::clone(text),
                holds: match decisive.value {
                    Some(Tri::True) => Some(true),
                    Some(Tri::False) => Some(false),
                    Some(Tri::Unknown) | None => None,
                },
            }),
        })
    }

    /// The names that a test reads.
    fn names(&self, atom: &Atom<FieldIdx>) -> Vec<Arc<str>> {
        let field = |idx: FieldIdx| {
            let field = self.plan.policies.field(idx)?;
            Some(Arc::from(field.path.as_str()))
        };
        let of_term = |term: &Term| match term.base {
            Base::Field(at) => field(at.field),
            Base::Attr(attr) => attribute(|known| known == Attribute::One(attr)),
            Base::Const(_) => None,
        };
        let of_items = |items: &Items| match items {
            Items::One(term) => of_term(term),
            Items::Field(at) => field(at.field),
            Items::Attr(list) => {
                attribute(|known| known == Attribute::Any(*list) || known == Attribute::List(*list))
            }
            Items::Const(_) | Items::Unknown => None,
        };
        let names = match atom {
            Atom::Compare { left, right, .. } => [of_term(left), of_term(right)],
            Atom::Overlap { left, right } => [of_items(left), of_items(right)],
            Atom::Absent(term) => [of_term(term), None],
            Atom::State { of, .. } => [field(*of), None],
        };
        names.into_iter().flatten().collect()
    }
}

fn attribute(is_wanted: impl Fn(Attribute) -> bool) -> Option<Arc<str>> {
    let mut known = ATTRIBUTES.iter();
    known
        .find(|(_, attribute)| is_wanted(*attribute))
        .map(|(name, _)| Arc::from(*name))
}
