//! From what a request names to the rows that it binds. Absent and invisible take the same path: the
//! same statements run, with an id that no row has where nothing was found.

use std::collections::BTreeSet;

use kith_domain::id::{AccountId, PersonId, WorkspaceId};
use kith_domain::{Catalog, Purpose, Timestamp};
use kith_policy::{Plan, Row, SignedIdentity, Subject};
use kith_store::Tx;
use kith_store::identity::{self, RootId};
use kith_store::profiles::{self, Profile, RoleRow};
use serde_json::{Map, Value as Json};

use super::around::{Around, Neighbours};
use super::context::{ContextRequest, RootRef, SubjectRef};
use super::proof::Proof;
use crate::audit::{Entry, lookup_hash};
use crate::definitions::Version;
use crate::error::EngineError;

/// Most accounts of one person that are looked at. Beyond it, accounts are as good as out of view.
pub(super) const MAX_ACCOUNTS: u32 = 1_000;

/// What was found of what a request names, before anyone decided who may know of it.
pub(super) struct Found {
    person: Option<Option<Profile<PersonId>>>,
    account: Option<Option<Profile<AccountId>>>,
    /// The person's accounts that a server source joined them to, with the roles there.
    memberships: Vec<(RoleRow, Profile<AccountId>)>,
    /// What stands around all of these accounts.
    around: Around,
}

/// One entity's typed row, with where its values came from.
#[derive(Clone)]
pub(super) struct Entity<Id> {
    pub(super) id: Id,
    pub(super) row: Row,
    pub(super) provenance: Map<String, Json>,
}

/// The rows that a request binds for this actor.
pub(super) struct Bound {
    pub(super) person: Option<Entity<PersonId>>,
    pub(super) account: Option<Entity<AccountId>>,
    pub(super) role: Option<Entity<()>>,
    /// What stands around the account.
    pub(super) neighbours: Neighbours,
    /// Every account of the person that is in view.
    pub(super) in_view: Vec<AccountId>,
    pub(super) signed_identity: SignedIdentity,
}

impl Bound {
    pub(super) fn subject(&self) -> Subject<'_> {
        let mut subject = Subject {
            account: self.account.as_ref().map(|account| &account.row),
            person: self.person.as_ref().map(|person| &person.row),
            role: self.role.as_ref().map(|role| &role.row),
            signed_identity: self.signed_identity,
            ..Subject::default()
        };
        self.neighbours.bind(&mut subject);
        subject
    }
}

/// Reads what the request names.
pub(super) async fn find(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    request: &ContextRequest,
    hash_key: &[u8; 32],
    entry: &mut Entry,
) -> Result<Found, EngineError> {
    let SubjectRef { person, account } = &request.subject;
    let mut lookup = Lookup {
        workspace,
        version,
        purpose: request.purpose,
        hash_key,
        entry,
    };
    let mut found = Found {
        person: None,
        account: None,
        memberships: Vec::new(),
        around: Around::default(),
    };
    if let Some(wanted) = person {
        let id = lookup
            .root(tx, wanted)
            .await?
            .and_then(|root| root.person())
            .unwrap_or(PersonId::NIL);
        found.person = Some(profiles::get(tx, workspace, id).await?);
        found.memberships = profiles::accounts_of_person(tx, workspace, id, MAX_ACCOUNTS).await?;
    }
    if let Some(wanted) = account {
        let id = lookup
            .root(tx, wanted)
            .await?
            .and_then(|root| root.account())
            .unwrap_or(AccountId::NIL);
        found.account = Some(profiles::get(tx, workspace, id).await?);
    }
    let named = found.account.iter().flatten().map(|account| account.id);
    let joined = found.memberships.iter().map(|(role, _)| role.account);
    let accounts: BTreeSet<AccountId> = named.chain(joined).collect();
    let accounts: Vec<AccountId> = accounts.into_iter().collect();
    let catalog = &version.definitions.catalog;
    found.around = Around::read(tx, workspace, catalog, &accounts).await?;
    Ok(found)
}

/// Finding a customer by an identifier is an oracle: the definitions must consent, and what they do
/// not consent to looks like what does not exist.
struct Lookup<'a> {
    workspace: WorkspaceId,
    version: &'a Version,
    purpose: Purpose,
    hash_key: &'a [u8; 32],
    entry: &'a mut Entry,
}

impl Lookup<'_> {
    async fn root<Id: Copy + Into<RootId>>(
        &mut self,
        tx: &mut Tx<'_>,
        wanted: &RootRef<Id>,
    ) -> Result<Option<RootId>, EngineError> {
        match wanted {
            RootRef::Id(id) => Ok(Some(
                identity::resolve(tx, self.workspace, (*id).into()).await?,
            )),
            RootRef::Identifier(identifier) => {
                self.entry
                    .lookups
                    .push(lookup_hash(self.hash_key, identifier));
                let node = identity::find(tx, self.workspace, identifier).await?;
                let consented = self
                    .version
                    .definitions
                    .may_look_up(identifier.kind(), self.purpose);
                Ok(node.filter(|_| consented).and_then(|node| node.root))
            }
        }
    }
}

impl Found {
    /// The rows that exist for this actor; `None` if something that the request names does not.
    pub(super) fn bind(
        self,
        catalog: &Catalog,
        plan: &Plan,
        proof: &Proof,
        now: Timestamp,
    ) -> Option<Bound> {
        let person = match self.person {
            None => None,
            Some(found) => Some(entity(catalog, found?)),
        };
        let mut account = match self.account {
            None => None,
            Some(found) => Some(entity(catalog, found?)),
        };
        let attached = !self.memberships.is_empty();
        let proven = person
            .as_ref()
            .map_or_else(SignedIdentity::default, |person| proof.of(person.id));
        let mut in_view: Vec<Membership> = self
            .memberships
            .into_iter()
            .filter_map(|row| {
                let person = person.as_ref();
                Membership::in_view(catalog, row, &self.around, person, proven, plan, now)
            })
            .collect();

        // A person exists if an account in view is attached to it, or none at all.
        if attached && in_view.is_empty() {
            return None;
        }
        let ids: Vec<AccountId> = match (&person, &account) {
            (None, Some(account)) => vec![account.id],
            _ => in_view
                .iter()
                .map(|membership| membership.account.id)
                .collect(),
        };
        let joined = match &account {
            Some(account) => in_view
                .iter()
                .position(|membership| membership.account.id == account.id),
            // One account in view binds; several stay unbound and are listed.
            None => (in_view.len() == 1).then_some(0),
        };
        let joined = joined.map(|position| in_view.swap_remove(position));
        let (role, signed_identity, neighbours) = match joined {
            // A token proves an end user's identity only in an account that they are active in.
            None => {
                let neighbours = account.as_ref().map(|account| {
                    let subject = Subject {
                        account: Some(&account.row),
                        person: person.as_ref().map(|person| &person.row),
                        ..Subject::default()
                    };
                    self.around.of(account.id, &subject, plan, now)
                });
                let neighbours = neighbours.unwrap_or_default();
                (None, SignedIdentity::default(), neighbours)
            }
            Some(membership) => {
                account.get_or_insert(membership.account);
                (Some(membership.role), proven, membership.neighbours)
            }
        };
        let bound = Bound {
            person,
            account,
            role,
            neighbours,
            in_view: ids,
            signed_identity,
        };
        plan.exists(&bound.subject(), now).then_some(bound)
    }
}

/// An account that a person belongs to, their role there, and what stands around it.
pub(super) struct Membership {
    pub(super) account: Entity<AccountId>,
    pub(super) role: Entity<()>,
    pub(super) neighbours: Neighbours,
}

impl Membership {
    /// The membership, if it exists for the asker.
    pub(super) fn in_view(
        catalog: &Catalog,
        (role, account): (RoleRow, Profile<AccountId>),
        around: &Around,
        person: Option<&Entity<PersonId>>,
        proven: SignedIdentity,
        plan: &Plan,
        now: Timestamp,
    ) -> Option<Self> {
        let account = entity(catalog, account);
        let role = Entity {
            id: (),
            row: typed(catalog, &role.fields),
            provenance: role.provenance,
        };
        let mut subject = Subject {
            account: Some(&account.row),
            person: person.map(|person| &person.row),
            role: Some(&role.row),
            signed_identity: proven,
            ..Subject::default()
        };
        let neighbours = around.of(account.id, &subject, plan, now);
        neighbours.bind(&mut subject);
        let exists = plan.exists(&subject, now);
        exists.then_some(Self {
            account,
            role,
            neighbours,
        })
    }
}

pub(super) fn entity<Id>(catalog: &Catalog, row: Profile<Id>) -> Entity<Id> {
    Entity {
        id: row.id,
        row: typed(catalog, &row.fields),
        provenance: row.provenance,
    }
}

/// Canonical values as this version's catalog types them. What no longer is in the catalog, or does
/// not read as its type, is absent: less access, never more.
pub(super) fn typed(catalog: &Catalog, fields: &Map<String, Json>) -> Row {
    let mut row = Row::new();
    for (path, json) in fields {
        let found = catalog
            .find(path)
            .and_then(|idx| Some((idx, catalog.get(idx)?)));
        if let Some((idx, value)) =
            found.and_then(|(idx, field)| Some((idx, field.ty.read_canonical(json)?)))
        {
            row.set(idx, value);
        }
    }
    row
}
