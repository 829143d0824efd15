//! What people decide about identity: that two roots are one, that some identifiers belong apart, that a
//! decision is taken back, what becomes of a review. The policies decide as they do of every change, on the
//! rows that are there; the entry is committed with the change, and nothing is told but ids.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use kith_domain::id::{DecisionId, NodeId, ReviewId, WorkspaceId};
use kith_domain::{Purpose, Scope};
use kith_policy::Refusal;
use kith_store::identity::reviews::{self, ReviewRow, ReviewStatus};
use kith_store::identity::{self, Decision, DecisionKind, NodeRow, RootId};
use kith_store::{StoreError, Tx};
use serde::Serialize;

use super::place::{MAX_COMPONENT, replace};
use crate::Engine;
use crate::access::Caller;
use crate::audit::Outcome;
use crate::error::{EngineError, Refused};
use crate::ingest::carry;
use crate::read::{Begun, Governed, Receipt, Standing, standing, statements};

/// Most identifiers that hang together after a review let them.
const MAX_REVIEWED: usize = 10_000;

/// What somebody decides.
#[derive(Debug, Clone)]
pub enum Ruling {
    /// Two roots of a kind are one.
    Merge {
        /// One.
        id: RootId,
        /// The other.
        with: RootId,
    },
    /// Some identifiers of a root belong apart from its others.
    Split {
        /// The root.
        id: RootId,
        /// Which, by the ids that its identity tells.
        identifiers: Vec<NodeId>,
    },
    /// A decision no longer stands: everything is as the facts and the other decisions have it.
    Undo {
        /// Which.
        id: DecisionId,
    },
    /// What a review is about holds, or does not.
    Review {
        /// Which.
        id: ReviewId,
        /// Whether it holds.
        accept: bool,
    },
}

impl Ruling {
    /// What the audit calls it.
    const fn action(&self) -> &'static str {
        match self {
            Self::Merge { .. } => "identity.merge",
            Self::Split { .. } => "identity.split",
            Self::Undo { .. } => "identity.undo",
            Self::Review { accept: true, .. } => "reviews.accept",
            Self::Review { accept: false, .. } => "reviews.reject",
        }
    }

    /// What was done, in a word.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Merge { .. } => "merged",
            Self::Split { .. } => "split",
            Self::Undo { .. } => "undone",
            Self::Review { accept: true, .. } => "accepted",
            Self::Review { accept: false, .. } => "rejected",
        }
    }
}

/// What was decided, and whose the identifiers are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ruled {
    /// What was done: `merged`, `split`, `undone`, `accepted`, `rejected`.
    pub outcome: &'static str,
    /// The decision that now stands, or no longer does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
    /// The roots that the identifiers belong to now.
    pub ids: Vec<String>,
}

impl Engine {
    /// Carries out what somebody decides about identity. Once this returns, it survives a crash.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses it, [`EngineError::NotFound`] if what it is about is
    /// not in the caller's view; both are audited. [`EngineError::Conflict`] if another decision stands
    /// against it, or it was decided before.
    pub async fn rule(
        &self,
        caller: &Caller,
        ruling: Ruling,
    ) -> Result<Governed<Ruled>, EngineError> {
        caller.needs(Scope::Write)?;
        let ruler = Ruler {
            engine: self.clone(),
            workspace: caller.workspace,
            hash_key: self.hash_key(caller.workspace).await?,
        };
        let caller = caller.clone();
        let ruled = self
            .db()
            .write(ruler.workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move { ruler.run(tx, &caller, ruling).await })
            })
            .await?;
        let outcome = match &ruled {
            Ok(_) => Outcome::Allowed,
            Err(EngineError::Refused(_)) => Outcome::Refused,
            Err(_) => Outcome::NotFound,
        };
        self.metrics().decided_change(Purpose::PersonMerge, outcome);
        ruled
    }
}

/// A transaction that decides.
struct Ruler {
    engine: Engine,
    workspace: WorkspaceId,
    hash_key: [u8; 32],
}

/// Why nothing is decided, as the caller is told.
enum Denial {
    NotFound,
    Refused(Refusal),
}

/// What is to be written down.
struct Plan {
    /// Every root that it is about.
    roots: BTreeSet<RootId>,
    /// What stands from now on, and the identifiers on its sides.
    decision: Option<(DecisionKind, Vec<(NodeId, u8)>)>,
    /// What no longer stands.
    undo: Option<DecisionId>,
    /// What becomes of a review.
    review: Option<(ReviewRow, ReviewStatus)>,
    /// Why it cannot be done, for those alone who may see what it is about.
    trouble: Option<EngineError>,
}

impl Plan {
    fn about(roots: impl IntoIterator<Item = RootId>) -> Self {
        Self {
            roots: roots.into_iter().collect(),
            decision: None,
            undo: None,
            review: None,
            trouble: None,
        }
    }
}

impl Ruler {
    /// The inner error is committed with its entry; the outer one undoes everything.
    async fn run(
        self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        ruling: Ruling,
    ) -> Result<Result<Governed<Ruled>, EngineError>, EngineError> {
        let begun = self
            .engine
            .begin(tx, caller, None, ruling.action(), Purpose::PersonMerge)
            .await?;
        let Ok(mut begun) = begun else {
            return Err(StoreError::Conflict("a decision acts for nobody else").into());
        };
        begun.entry.position = 0;
        if let Some(refusal) = begun.plan.refusal() {
            return Ok(Err(self.deny(tx, begun, Denial::Refused(refusal)).await?));
        }
        let plan = match &ruling {
            Ruling::Merge { id, with } => Some(self.merge(tx, *id, *with).await?),
            Ruling::Split { id, identifiers } => Some(self.split(tx, *id, identifiers).await?),
            Ruling::Undo { id } => self.undo(tx, *id).await?,
            Ruling::Review { id, accept } => self.review(tx, *id, *accept).await?,
        };
        let mut denial = plan.is_none().then_some(Denial::NotFound);
        let mut decided_by = BTreeSet::new();
        let about = plan.iter().flat_map(|plan| plan.roots.iter().copied());
        for root in about.collect::<Vec<_>>() {
            let now = begun.entry.at;
            match standing(tx, &mut begun, root, &self.hash_key, now).await? {
                Standing::Mine(statements) => decided_by.extend(statements),
                // What is hidden hides what is refused beside it.
                Standing::Hidden => denial = Some(Denial::NotFound),
                Standing::Refused(refusal) if denial.is_none() => {
                    denial = Some(Denial::Refused(refusal));
                }
                Standing::Refused(_) => {}
            }
        }
        let plan = match (plan, denial) {
            (Some(plan), None) => plan,
            (_, denial) => {
                let denial = denial.unwrap_or(Denial::NotFound);
                return Ok(Err(self.deny(tx, begun, denial).await?));
            }
        };
        begun.entry.statements = decided_by.into_iter().collect();
        if let Some(trouble) = plan.trouble {
            return Err(trouble);
        }
        let decided = self.carry_out(tx, &mut begun, &ruling, &plan).await?;
        let receipt = Receipt::in_change(tx, begun.entry).await?;
        Ok(Ok(Governed::of_change(decided, receipt)))
    }

    /// Writes down what was decided, and what follows from it.
    async fn carry_out(
        &self,
        tx: &mut Tx<'_>,
        begun: &mut Begun,
        ruling: &Ruling,
        plan: &Plan,
    ) -> Result<Ruled, EngineError> {
        let (workspace, at) = (self.workspace, begun.entry.at);
        let runtime = self.engine.runtime();
        let by = begun.entry.actor.principal();
        let mut nodes: BTreeSet<NodeId> = BTreeSet::new();
        let mut limit = MAX_COMPONENT;
        let mut decision = plan.undo;
        if let Some((kind, sides)) = &plan.decision {
            if *kind == DecisionKind::Merge {
                self.nothing_against(tx, &plan.roots).await?;
            }
            let id = DecisionId::from_uuid(runtime.uuid());
            let row = Decision {
                id,
                kind: *kind,
                decided_by: by.clone(),
                at,
                undone_at: None,
            };
            identity::decide(tx, workspace, &row, sides).await?;
            nodes.extend(sides.iter().map(|(node, _)| *node));
            decision = Some(id);
        }
        if let Some(id) = plan.undo {
            nodes.extend(identity::decision_nodes(tx, workspace, id).await?);
            if !identity::undo(tx, workspace, id, &by, at).await? {
                return Err(decided_before());
            }
        }
        if let Some((review, status)) = &plan.review {
            let became = reviews::settle(tx, workspace, review.id, *status, (&by, at));
            if !became.await? {
                return Err(decided_before());
            }
            if !review.kind.is_of_a_pair() && *status == ReviewStatus::Accepted {
                nodes.extend(identity::release_edges(tx, workspace, review.id).await?);
                limit = MAX_REVIEWED;
            }
        }
        // What hung together before hangs together still, or a review let it.
        let nodes: Vec<NodeId> = nodes.into_iter().collect();
        let placed = replace(tx, workspace, runtime, &nodes, limit).await?;
        let placed = placed.ok_or_else(|| {
            EngineError::Conflict(format!(
                "more than {limit} identifiers would hang together: reject it, or split them first"
            ))
        })?;
        carry(tx, workspace, &begun.version, &placed, at).await?;

        let now = identity::nodes(tx, workspace, &nodes).await?;
        let now: BTreeSet<RootId> = now.iter().filter_map(|row| row.root).collect();
        let all: BTreeSet<RootId> = plan.roots.union(&now).copied().collect();
        let entry = &mut begun.entry;
        entry.accounts = all.iter().filter_map(RootId::account).collect();
        entry.people = all.iter().filter_map(RootId::person).collect();
        let others = all
            .iter()
            .filter(|root| root.account().is_none() && root.person().is_none());
        entry.roots = others.map(RootId::to_string).collect();
        let named = decision.iter().map(DecisionId::to_string);
        let review = plan.review.iter().map(|(review, _)| review.id.to_string());
        entry.detail = Some(named.chain(review).collect::<Vec<_>>().join(" "));
        Ok(Ruled {
            outcome: ruling.outcome(),
            decision,
            ids: now.iter().map(RootId::to_string).collect(),
        })
    }

    async fn merge(&self, tx: &mut Tx<'_>, id: RootId, with: RootId) -> Result<Plan, EngineError> {
        let one = identity::resolve(tx, self.workspace, id).await?;
        let other = identity::resolve(tx, self.workspace, with).await?;
        let mut plan = Plan::about([one, other]);
        let of_one = identity::nodes_of_root(tx, self.workspace, one).await?;
        let of_other = identity::nodes_of_root(tx, self.workspace, other).await?;
        if let (Some(a), Some(b)) = (strongest(&of_one), strongest(&of_other)) {
            plan.decision = Some((DecisionKind::Merge, vec![(a, 0), (b, 1)]));
        }
        if one == other {
            plan.trouble = Some(EngineError::Conflict("the two are one already".to_owned()));
        }
        Ok(plan)
    }

    /// Refuses to join what somebody decided is apart.
    async fn nothing_against(
        &self,
        tx: &mut Tx<'_>,
        roots: &BTreeSet<RootId>,
    ) -> Result<(), EngineError> {
        let mut nodes = Vec::new();
        for root in roots {
            let of_root = identity::nodes_of_root(tx, self.workspace, *root).await?;
            nodes.extend(of_root.into_iter().map(|row| row.id));
        }
        let decided = identity::about(tx, self.workspace, &nodes).await?;
        let apart = decided.iter().filter(|row| row.kind == DecisionKind::Apart);
        let apart: Vec<_> = apart.collect();
        let against = apart.iter().find(|row| {
            let mut others = apart.iter();
            others.any(|other| other.decision == row.decision && other.side != row.side)
        });
        match against {
            None => Ok(()),
            Some(row) => Err(EngineError::Conflict(format!(
                "`{}` keeps them apart: undo it first",
                row.decision
            ))),
        }
    }

    async fn split(
        &self,
        tx: &mut Tx<'_>,
        id: RootId,
        identifiers: &[NodeId],
    ) -> Result<Plan, EngineError> {
        let root = identity::resolve(tx, self.workspace, id).await?;
        let nodes = identity::nodes_of_root(tx, self.workspace, root).await?;
        let wanted: BTreeSet<NodeId> = identifiers.iter().copied().collect();
        let side = |row: &NodeRow| u8::from(wanted.contains(&row.id));
        let sides: Vec<(NodeId, u8)> = nodes.iter().map(|row| (row.id, side(row))).collect();
        let leave = sides.iter().filter(|(_, side)| *side == 1).count();
        let mut plan = Plan::about([root]);
        if leave != wanted.len() || leave == 0 || leave == sides.len() {
            plan.trouble = Some(EngineError::invalid(
                "identifiers",
                "some of its identifiers and not all, by the ids that its identity tells",
            ));
        }
        plan.decision = Some((DecisionKind::Apart, sides));
        Ok(plan)
    }

    async fn undo(&self, tx: &mut Tx<'_>, id: DecisionId) -> Result<Option<Plan>, EngineError> {
        let Some(decision) = identity::decision(tx, self.workspace, id).await? else {
            return Ok(None);
        };
        let nodes = identity::decision_nodes(tx, self.workspace, decision.id).await?;
        let mut plan = Plan::about(self.roots(tx, &nodes).await?);
        plan.undo = Some(id);
        Ok(Some(plan))
    }

    async fn review(
        &self,
        tx: &mut Tx<'_>,
        id: ReviewId,
        accept: bool,
    ) -> Result<Option<Plan>, EngineError> {
        let Some(review) = reviews::get(tx, self.workspace, id).await? else {
            return Ok(None);
        };
        let pair: Vec<NodeId> = [Some(review.a), review.b].into_iter().flatten().collect();
        let mut plan = Plan::about(self.roots(tx, &pair).await?);
        let is_pair = review.kind.is_of_a_pair();
        if let (true, [a, b]) = (is_pair, pair.as_slice()) {
            let kind = match accept {
                true => DecisionKind::Merge,
                false => DecisionKind::Apart,
            };
            let mut sides = vec![(*a, 0), (*b, 1)];
            if accept {
                // The two that they belong to are one, and not just these two identifiers of them.
                for node in self.strongest_beside(tx, &plan.roots).await? {
                    sides.extend(Some((node, 2)).filter(|_| !pair.contains(&node)));
                }
            }
            plan.decision = Some((kind, sides));
        }
        let status = match accept {
            true => ReviewStatus::Accepted,
            false => ReviewStatus::Rejected,
        };
        plan.review = Some((review, status));
        Ok(Some(plan))
    }

    /// The strongest identifier of each of these roots.
    async fn strongest_beside(
        &self,
        tx: &mut Tx<'_>,
        roots: &BTreeSet<RootId>,
    ) -> Result<Vec<NodeId>, EngineError> {
        let mut found = Vec::new();
        for root in roots {
            let nodes = identity::nodes_of_root(tx, self.workspace, *root).await?;
            found.extend(strongest(&nodes));
        }
        Ok(found)
    }

    async fn roots(
        &self,
        tx: &mut Tx<'_>,
        nodes: &[NodeId],
    ) -> Result<BTreeSet<RootId>, EngineError> {
        let rows = identity::nodes(tx, self.workspace, nodes).await?;
        Ok(rows.into_iter().filter_map(|row| row.root).collect())
    }

    /// Appends the entry of what is refused; the error that says so.
    async fn deny(
        &self,
        tx: &mut Tx<'_>,
        begun: Begun,
        denial: Denial,
    ) -> Result<EngineError, EngineError> {
        let Begun {
            mut entry, version, ..
        } = begun;
        Ok(match denial {
            Denial::NotFound => {
                entry.outcome = Outcome::NotFound;
                let audit = Receipt::in_change(tx, entry).await?.audit();
                EngineError::NotFound { audit }
            }
            Denial::Refused(refusal) => {
                entry.outcome = Outcome::Refused;
                entry.statements = statements(&refusal.reasons);
                let audit = Receipt::in_change(tx, entry).await?.audit();
                EngineError::Refused(Box::new(Refused {
                    audit,
                    definitions_version: version.number,
                    refusal,
                }))
            }
        })
    }
}

fn decided_before() -> EngineError {
    EngineError::Conflict("it was decided before".to_owned())
}

pub(super) fn strongest(nodes: &[NodeRow]) -> Option<NodeId> {
    let strength = |row: &&NodeRow| (row.kind.priority(), row.kind, row.value.clone());
    nodes.iter().min_by_key(strength).map(|row| row.id)
}
