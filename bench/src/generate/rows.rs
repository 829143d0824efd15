//! Customers as the rows that ingest would have left of them.

use kith_domain::fact::{FactKind, Trust};
use kith_domain::id::{AccountId, NodeId, PersonId, WorkspaceId};
use kith_domain::identifier::IdentifierError;
use kith_domain::{Catalog, Identifier, IdentifierType, Timestamp};
use kith_engine::Indexed;
use kith_store::facts::{self, EventRow, MembershipRow, ObservationRow};
use kith_store::field_index::{self, Changed};
use kith_store::identity::{self, EdgeRow, NewNode, RootId};
use kith_store::profiles::{self, Profile, RoleRow};
use kith_store::{StoreError, Tx};

use super::customer::{Account, Customer, Event, Person};
use super::values::{Said, Values};

/// The rows of some customers.
#[derive(Default)]
pub(super) struct Rows {
    nodes: Vec<NewNode>,
    roots: Vec<(NodeId, RootId)>,
    edges: Vec<EdgeRow>,
    observations: Vec<ObservationRow>,
    memberships: Vec<MembershipRow>,
    events: Vec<EventRow>,
    accounts: Vec<Profile<AccountId>>,
    people: Vec<Profile<PersonId>>,
    roles: Vec<RoleRow>,
    entries: Vec<(RootId, Indexed)>,
}

impl Rows {
    pub(super) fn add(
        &mut self,
        customer: Customer,
        catalog: &Catalog,
        version: u64,
    ) -> Result<(), IdentifierError> {
        let Customer {
            account,
            people,
            events,
        } = customer;
        for event in events {
            self.events.extend(
                people
                    .get(event.person)
                    .map(|person| event_row(event, person, &account, version)),
            );
        }
        for person in people {
            self.person(person, &account, catalog)?;
        }
        self.account(account, catalog)
    }

    fn node(
        &mut self,
        (kind, value): (IdentifierType, &str),
        id: NodeId,
        root: RootId,
        at: Timestamp,
    ) -> Result<(), IdentifierError> {
        self.nodes.push(NewNode {
            identifier: Identifier::new(kind, value)?,
            id,
            known: true,
            at,
        });
        self.roots.push((id, root));
        Ok(())
    }

    fn account(&mut self, account: Account, catalog: &Catalog) -> Result<(), IdentifierError> {
        let Account {
            id,
            node,
            key,
            at,
            values,
        } = account;
        self.node((IdentifierType::GroupId, &key), node, id.into(), at)?;
        let said = Said {
            node,
            account_node: None,
            message_id: &format!("account-{key}"),
            at,
        };
        self.observations.extend(values.observations(&said, &[]));
        // Whoever says something of an account names it.
        let mut names = Values::new();
        for source in values.sources().into_iter().filter(|of| *of != "product") {
            names.text(source, "account.workspaceId", &key);
        }
        self.observations.extend(names.observations(&said, &[]));
        self.accounts.push(profile(id, at, &values));
        let entries = values.entries(catalog);
        self.entries.extend(entries.map(|entry| (id.into(), entry)));
        Ok(())
    }

    fn person(
        &mut self,
        person: Person,
        account: &Account,
        catalog: &Catalog,
    ) -> Result<(), IdentifierError> {
        let Person {
            id,
            user_node,
            user_id,
            email_node,
            email,
            at,
            values,
            role,
        } = person;
        let message_id = format!("person-{user_id}");
        self.node((IdentifierType::UserId, &user_id), user_node, id.into(), at)?;
        self.node((IdentifierType::Email, &email), email_node, id.into(), at)?;
        self.edges.push(EdgeRow {
            a: user_node,
            b: email_node,
            rule: FactKind::Identify.as_str().to_owned(),
            trust: Trust::Server,
            source: "product".to_owned(),
            message_id: message_id.clone(),
            at,
            active: true,
        });
        let said = |account_node| Said {
            node: user_node,
            account_node,
            message_id: &message_id,
            at,
        };
        let shown = [("person.email", email_node)];
        self.observations
            .extend(values.observations(&said(None), &shown));
        self.observations
            .extend(role.observations(&said(Some(account.node)), &[]));
        self.memberships.push(MembershipRow {
            person_node: user_node,
            account_node: account.node,
            trust: Trust::Server,
            first_seen_at: at,
            ended_at: None,
        });
        self.people.push(profile(id, at, &values));
        let entries = values.entries(catalog);
        self.entries.extend(entries.map(|entry| (id.into(), entry)));
        self.roles.push(RoleRow {
            account: account.id,
            person: id,
            active_since: Some(at),
            fields: role.fields(),
            provenance: role.provenance(at),
        });
        Ok(())
    }

    pub(super) async fn write(
        mut self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
    ) -> Result<(), StoreError> {
        identity::upsert_nodes(tx, workspace, &self.nodes).await?;
        identity::set_roots(tx, workspace, &self.roots).await?;
        identity::insert_edges(tx, workspace, &self.edges).await?;
        facts::insert_observations(tx, workspace, &self.observations).await?;
        facts::insert_memberships(tx, workspace, &self.memberships).await?;
        facts::insert_events(tx, workspace, &self.events).await?;
        profiles::put(tx, workspace, &self.accounts).await?;
        profiles::put(tx, workspace, &self.people).await?;
        profiles::put_roles(tx, workspace, &self.roles).await?;
        // In the order of the table.
        self.entries
            .sort_by_cached_key(|(_, Indexed { name, value })| {
                (name.clone(), value.as_ref().map(field_index::keys))
            });
        let entries: Vec<_> = self
            .entries
            .iter()
            .map(|(id, Indexed { name, value })| Changed {
                id: *id,
                field: name,
                value: value.as_ref(),
            })
            .collect();
        field_index::replace(tx, workspace, &entries).await
    }
}

fn profile<Id>(id: Id, at: Timestamp, values: &Values) -> Profile<Id> {
    Profile {
        id,
        created_at: at,
        updated_at: at,
        fields: values.fields(),
        provenance: values.provenance(at),
    }
}

fn event_row(event: Event, person: &Person, account: &Account, version: u64) -> EventRow {
    let properties = event.properties.into_iter();
    EventRow {
        node: person.user_node,
        at: event.at,
        id: event.id,
        name: event.name.to_owned(),
        account_node: Some(account.node),
        properties: properties
            .map(|(field, value)| (field.to_owned(), value.to_canonical()))
            .collect(),
        source: "product".to_owned(),
        message_id: format!("event-{}", event.id),
        trust: Trust::Server,
        received_at: event.at,
        definitions_version: version,
    }
}
