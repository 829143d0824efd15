//! What may be listed, and the rows that are bound with each of its rows: an account with what stands
//! around it, anything else with the account that it belongs to, as a request about it alone binds them.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use futures_util::future::BoxFuture;
use kith_domain::id::{
    AccountId, CompanyId, ConversationId, PersonId, SiteId, SubscriptionId, WorkspaceId,
};
use kith_domain::{Catalog, Entity as Of, Relation, Timestamp};
use kith_policy::{Plan, Row, Subject};
use kith_store::identity::RootId;
use kith_store::profiles::{self, Profile, ProfileId};
use kith_store::{Tx, relations};
use serde::Serialize;

use crate::error::EngineError;
use crate::read::around::{Around, Neighbours};
use crate::read::subject::{Entity, entity, typed};

/// Most accounts that the rows at hand may belong to, all together.
const MAX_ATTACHED: u32 = 20_000;

/// A kind of root that may be listed.
pub trait Listed:
    ProfileId + Ord + Serialize + Display + FromStr + Into<RootId> + std::fmt::Debug + 'static
{
    /// What its rows are.
    const ENTITY: Of;
    /// What the audit calls a list of them.
    const ACTION: &'static str;
    /// What the audit calls reading one.
    const READ: &'static str;
    /// Several of them, in words.
    const PLURAL: &'static str;

    /// The id of a root of this kind.
    fn of(root: RootId) -> Option<Self>;

    /// The accounts that these belong to, with what else is bound there.
    #[doc(hidden)]
    fn attached<'a>(
        tx: &'a mut Tx<'_>,
        asked: Asker<'a>,
        ids: &'a [Self],
    ) -> BoxFuture<'a, Result<Vec<(Self, Attached)>, EngineError>>;
}

/// For whom rows are bound.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) catalog: &'a Catalog,
    pub(super) plan: &'a Plan,
    pub(super) now: Timestamp,
}

/// An account that a row belongs to, and the rows that are bound with both.
pub struct Attached {
    account: Option<Entity<AccountId>>,
    role: Option<Row>,
    person: Option<Row>,
    /// Whether the row goes with somebody who does not exist for the asker.
    is_gone: bool,
}

/// What stands around the rows at hand, before anyone decided who may know of it.
pub(super) struct Surroundings<Id> {
    attached: BTreeMap<Id, Vec<Attached>>,
    around: Around,
}

/// The rows that are bound to decide on one of them.
pub(super) struct Bound {
    entity: Of,
    own: Row,
    account: Option<Row>,
    role: Option<Row>,
    person: Option<Row>,
    neighbours: Neighbours,
    /// The accounts in view that it belongs to.
    pub(super) accounts: Vec<AccountId>,
}

impl Bound {
    /// The row itself.
    pub(super) const fn own(&self) -> &Row {
        &self.own
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        let mut subject = Subject {
            account: self.account.as_ref(),
            role: self.role.as_ref(),
            person: self.person.as_ref(),
            ..Subject::default()
        };
        self.neighbours.bind(&mut subject);
        subject.bind(self.entity, &self.own);
        subject
    }
}

impl<Id: Listed> Surroundings<Id> {
    /// Reads what stands around these rows; the same statements, whether there is anything or not, also if
    /// there are no rows.
    pub(super) async fn read(
        tx: &mut Tx<'_>,
        asker: Asker<'_>,
        ids: &[Id],
    ) -> Result<Self, EngineError> {
        let nothing = Id::ENTITY.root_kind().map(RootId::nil).and_then(Id::of);
        let ids = if ids.is_empty() {
            nothing.as_slice()
        } else {
            ids
        };
        let mut accounts = Vec::new();
        let mut attached: BTreeMap<Id, Vec<Attached>> = BTreeMap::new();
        for (id, found) in Id::attached(tx, asker, ids).await? {
            accounts.extend(found.account.as_ref().map(|account| account.id));
            attached.entry(id).or_default().push(found);
        }
        accounts.sort_unstable();
        accounts.dedup();
        if Id::ENTITY == Of::Account {
            let own = ids.iter().filter_map(|id| (*id).into().account());
            accounts.extend(own);
        }
        let around = Around::read(tx, asker.workspace, asker.catalog, &accounts).await?;
        Ok(Self { attached, around })
    }

    /// The rows of a list that no policy and no filter asks about anything but themselves.
    pub(super) fn none() -> Self {
        Self {
            attached: BTreeMap::new(),
            around: Around::default(),
        }
    }

    /// Binds a row; `None` if it does not exist for the asker. What belongs to accounts exists if one in
    /// view does, or if it belongs to none at all; one in view is bound, several stay unbound.
    pub(super) fn bind(&self, asker: Asker<'_>, id: Id, own: Row) -> Option<Bound> {
        let Asker { plan, now, .. } = asker;
        let mut bound = Bound {
            entity: Id::ENTITY,
            own,
            account: None,
            role: None,
            person: None,
            neighbours: Neighbours::default(),
            accounts: Vec::new(),
        };
        if let Some(account) = id.into().account() {
            bound.neighbours = self.around.of(account, &bound.subject(), plan, now);
            return Some(bound);
        }
        let attached = self.attached.get(&id).map_or(&[][..], Vec::as_slice);
        let mut is_attached = false;
        if attached.iter().any(|attached| attached.is_gone) {
            return None;
        }
        for attached in attached {
            bound.role.clone_from(&attached.role);
            bound.person.clone_from(&attached.person);
            let Some(account) = &attached.account else {
                continue;
            };
            is_attached = true;
            bound.account = Some(account.row.clone());
            bound.neighbours = Neighbours::default();
            bound.neighbours = self.around.of(account.id, &bound.subject(), plan, now);
            if plan.exists(&bound.subject(), now) {
                bound.accounts.push(account.id);
            }
        }
        match bound.accounts.as_slice() {
            [] if is_attached => return None,
            // The one in view may not have been the last one that was tried.
            [one] => {
                let of_one = |attached: &&Attached| {
                    attached.account.as_ref().is_some_and(|of| of.id == *one)
                };
                let found = attached.iter().find(of_one)?;
                bound.account = found.account.as_ref().map(|account| account.row.clone());
                bound.role.clone_from(&found.role);
                bound.person.clone_from(&found.person);
                bound.neighbours = Neighbours::default();
                bound.neighbours = self.around.of(*one, &bound.subject(), plan, now);
            }
            several => {
                if !several.is_empty() {
                    bound.role = None;
                }
                bound.account = None;
                bound.neighbours = Neighbours::default();
            }
        }
        plan.exists(&bound.subject(), now).then_some(bound)
    }
}

/// The accounts at the other end of a relation.
fn accounts_of<Id>(
    asker: Asker<'_>,
    found: Vec<(Id, Profile<AccountId>)>,
) -> Result<Vec<(Id, Attached)>, EngineError> {
    if found.len() > MAX_ATTACHED as usize {
        return Err(too_many());
    }
    let attached = |(id, account)| {
        let attached = Attached {
            account: Some(entity(asker.catalog, account)),
            role: None,
            person: None,
            is_gone: false,
        };
        (id, attached)
    };
    Ok(found.into_iter().map(attached).collect())
}

fn too_many() -> EngineError {
    EngineError::TooBroad(format!(
        "these belong to more than {MAX_ATTACHED} accounts: ask for fewer at once with `limit`, or narrow the filter"
    ))
}

impl Listed for AccountId {
    const ENTITY: Of = Of::Account;
    const ACTION: &'static str = "accounts.list";
    const READ: &'static str = "accounts.read";
    const PLURAL: &'static str = "accounts";

    fn of(root: RootId) -> Option<Self> {
        root.account()
    }

    fn attached<'a>(
        _: &'a mut Tx<'_>,
        _: Asker<'a>,
        _: &'a [Self],
    ) -> BoxFuture<'a, Result<Vec<(Self, Attached)>, EngineError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

impl Listed for PersonId {
    const ENTITY: Of = Of::Person;
    const ACTION: &'static str = "people.list";
    const READ: &'static str = "people.read";
    const PLURAL: &'static str = "people";

    fn of(root: RootId) -> Option<Self> {
        root.person()
    }

    fn attached<'a>(
        tx: &'a mut Tx<'_>,
        asker: Asker<'a>,
        ids: &'a [Self],
    ) -> BoxFuture<'a, Result<Vec<(Self, Attached)>, EngineError>> {
        Box::pin(async move {
            let most = MAX_ATTACHED + 1;
            let mut found = profiles::accounts_of_people(tx, asker.workspace, ids, most).await?;
            found.sort_by_key(|(role, _)| (role.person, role.account));
            if found.len() > MAX_ATTACHED as usize {
                return Err(too_many());
            }
            let attached = |(role, account): (profiles::RoleRow, _)| {
                let attached = Attached {
                    account: Some(entity(asker.catalog, account)),
                    role: Some(typed(asker.catalog, &role.fields)),
                    person: None,
                    is_gone: false,
                };
                (role.person, attached)
            };
            Ok(found.into_iter().map(attached).collect())
        })
    }
}

macro_rules! belongs_by_relation {
    ($($id:ty, $entity:ident, $accessor:ident, $plural:literal, $relation:ident $way:ident;)*) => {
        $(
            impl Listed for $id {
                const ENTITY: Of = Of::$entity;
                const ACTION: &'static str = concat!($plural, ".list");
                const READ: &'static str = concat!($plural, ".read");
                const PLURAL: &'static str = $plural;

                fn of(root: RootId) -> Option<Self> {
                    root.$accessor()
                }

                fn attached<'a>(
                    tx: &'a mut Tx<'_>,
                    asker: Asker<'a>,
                    ids: &'a [Self],
                ) -> BoxFuture<'a, Result<Vec<(Self, Attached)>, EngineError>> {
                    Box::pin(async move {
                        let relation = Relation::$relation;
                        let found = relations::$way(tx, asker.workspace, relation, ids).await?;
                        accounts_of(asker, found)
                    })
                }
            }
        )*
    };
}

belongs_by_relation! {
    CompanyId, Company, company, "companies", AccountCompany behind;
    SiteId, Site, site, "sites", AccountSite behind;
    SubscriptionId, Subscription, subscription, "subscriptions", SubscriptionAccount ahead;
}

impl Listed for ConversationId {
    const ENTITY: Of = Of::Conversation;
    const ACTION: &'static str = "conversations.list";
    const READ: &'static str = "conversations.read";
    const PLURAL: &'static str = "conversations";

    fn of(root: RootId) -> Option<Self> {
        root.conversation()
    }

    /// The account that it is about, and its end user where that one exists for the asker.
    fn attached<'a>(
        tx: &'a mut Tx<'_>,
        asker: Asker<'a>,
        ids: &'a [Self],
    ) -> BoxFuture<'a, Result<Vec<(Self, Attached)>, EngineError>> {
        Box::pin(async move {
            let workspace = asker.workspace;
            let about = Relation::ConversationAccount;
            let accounts = relations::ahead(tx, workspace, about, ids).await?;
            let mut attached = accounts_of(asker, accounts)?;
            let with = Relation::ConversationPerson;
            let found: Vec<(Self, Profile<PersonId>)> =
                relations::ahead(tx, workspace, with, ids).await?;
            let ids: Vec<PersonId> = found.iter().map(|(_, person)| person.id).collect();
            let people = Surroundings::read(tx, asker, &ids).await?;
            for (conversation, person) in found {
                let row = typed(asker.catalog, &person.fields);
                let person = people.bind(asker, person.id, row).map(|bound| bound.own);
                let mut own = attached.iter_mut().filter(|(id, _)| *id == conversation);
                match own.next() {
                    Some((_, attached)) => attached.person = person,
                    // One of a person alone goes with that person.
                    None => attached.push((
                        conversation,
                        Attached {
                            account: None,
                            role: None,
                            is_gone: person.is_none(),
                            person,
                        },
                    )),
                }
            }
            Ok(attached)
        })
    }
}
