//! What stands around an account and is bound with it: its company, its site, and what it pays for.
//!
//! What a limit takes away is as absent as what never was: the account goes on without it, and the same
//! statements run. One subscription in view binds; several stay unbound, and each is decided alone when
//! it is listed.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::BTreeMap;

use indexmap::IndexMap;
use kith_domain::id::{AccountId, CompanyId, SiteId, SubscriptionId, WorkspaceId};
use kith_domain::{Catalog, Entity as Of, Relation, Timestamp};
use kith_policy::{Plan, State, Subject};
use kith_store::profiles::{Profile, ProfileId};
use kith_store::{StoreError, Tx, relations};
use serde::Serialize;

use super::answer::{EntityAnswer, FieldAnswer, Governor, Withheld};
use super::context::statements;
use super::subject::{Bound, Entity, entity};

/// Most subscriptions that are shown.
const MAX_SUBSCRIPTIONS: usize = 50;

/// What stands around some accounts, before anyone decided who may know of it.
#[derive(Default)]
pub(super) struct Around(BTreeMap<AccountId, Neighbours>);

/// What stands around one account.
#[derive(Clone, Default)]
pub(super) struct Neighbours {
    pub(super) company: Option<Entity<CompanyId>>,
    pub(super) site: Option<Entity<SiteId>>,
    /// By id.
    pub(super) subscriptions: Vec<Entity<SubscriptionId>>,
}

impl Around {
    /// Reads what stands around these accounts; three statements, whether there is anything or not.
    pub(super) async fn read(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        catalog: &Catalog,
        accounts: &[AccountId],
    ) -> Result<Self, StoreError> {
        // The same statements run where there is no account.
        let accounts = if accounts.is_empty() {
            &[AccountId::NIL]
        } else {
            accounts
        };
        let companies = relations::ahead(tx, workspace, Relation::AccountCompany, accounts).await?;
        let sites = relations::ahead(tx, workspace, Relation::AccountSite, accounts).await?;
        let paid =
            relations::behind(tx, workspace, Relation::SubscriptionAccount, accounts).await?;
        let mut around = Self::default();
        for (account, company) in entities(catalog, companies) {
            around.0.entry(account).or_default().company = Some(company);
        }
        for (account, site) in entities(catalog, sites) {
            around.0.entry(account).or_default().site = Some(site);
        }
        for (account, subscription) in entities(catalog, paid) {
            let of = around.0.entry(account).or_default();
            of.subscriptions.push(subscription);
        }
        for of in around.0.values_mut() {
            of.subscriptions.sort_by_key(|subscription| subscription.id);
        }
        Ok(around)
    }

    /// What of it exists for the asker around an account that is bound in `subject`.
    pub(super) fn of(
        &self,
        account: AccountId,
        subject: &Subject<'_>,
        plan: &Plan,
        now: Timestamp,
    ) -> Neighbours {
        let mut found = self.0.get(&account).cloned().unwrap_or_default();
        found.settle(subject, plan, now);
        found
    }
}

fn entities<Id: ProfileId>(
    catalog: &Catalog,
    found: Vec<(AccountId, Profile<Id>)>,
) -> impl Iterator<Item = (AccountId, Entity<Id>)> {
    found
        .into_iter()
        .map(|(account, profile)| (account, entity(catalog, profile)))
}

impl Neighbours {
    /// Leaves out what limits take away. What one limit reads may be gone by another, so they are asked
    /// until nothing more goes.
    fn settle(&mut self, account: &Subject<'_>, plan: &Plan, now: Timestamp) {
        loop {
            let mut subject = *account;
            self.bind_ahead(&mut subject);
            let exists = |of| plan.exists_alone(of, &subject, now);
            let (company, site) = (exists(Of::Company), exists(Of::Site));
            let goes = |is_there: bool, exists: bool| is_there && !exists;
            let (no_company, no_site) = (
                goes(self.company.is_some(), company),
                goes(self.site.is_some(), site),
            );
            if no_company {
                self.company = None;
            }
            if no_site {
                self.site = None;
            }
            if !no_company && !no_site {
                break;
            }
        }
        let mut subscriptions = std::mem::take(&mut self.subscriptions);
        subscriptions.retain(|subscription| {
            let mut subject = *account;
            self.bind_ahead(&mut subject);
            subject.subscription = Some(&subscription.row);
            plan.exists_alone(Of::Subscription, &subject, now)
        });
        self.subscriptions = subscriptions;
    }

    fn bind_ahead<'a>(&'a self, subject: &mut Subject<'a>) {
        subject.company = self.company.as_ref().map(|company| &company.row);
        subject.site = self.site.as_ref().map(|site| &site.row);
    }

    /// Binds all of it that a verdict on the account may read.
    pub(super) fn bind<'a>(&'a self, subject: &mut Subject<'a>) {
        self.bind_ahead(subject);
        subject.subscription = match self.subscriptions.as_slice() {
            [one] => Some(&one.row),
            _ => None,
        };
    }
}

/// What stands around an account, in its governed form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AroundAnswer {
    /// The company behind the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<EntityAnswer<CompanyId>>,
    /// The site that the account belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<EntityAnswer<SiteId>>,
    /// The subscriptions of the account in view on which the purpose is allowed, by id; at most 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscriptions: Vec<SubscriptionItem>,
    /// Whether there are more subscriptions than are shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_subscriptions: bool,
}

/// What an account pays for.
#[derive(Serialize)]
pub struct SubscriptionItem {
    /// The subscription's id.
    pub id: SubscriptionId,
    /// Visible and masked fields by key.
    #[serde(flatten)]
    pub fields: IndexMap<String, FieldAnswer>,
    /// The fields that are hidden on this subscription and not on every other, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

impl AroundAnswer {
    /// Puts what stands around the bound account into its governed form, with what is withheld of it;
    /// the statements that decided on subscriptions are added to `decided_by`.
    pub(super) fn of(
        bound: &Bound,
        plan: &Plan,
        governor: &mut Governor<'_>,
        decided_by: &mut Vec<String>,
    ) -> (Self, Vec<Withheld>) {
        let Neighbours {
            company,
            site,
            subscriptions,
        } = &bound.neighbours;
        let mut entities = Vec::new();
        let company = company.as_ref().map(|company| {
            entities.push(Of::Company);
            EntityAnswer {
                id: company.id,
                fields: governor.fields(Of::Company, &company.row, &company.provenance),
            }
        });
        let site = site.as_ref().map(|site| {
            entities.push(Of::Site);
            EntityAnswer {
                id: site.id,
                fields: governor.fields(Of::Site, &site.row, &site.provenance),
            }
        });
        let mut withheld = governor.withheld(&entities);
        let mut items = Vec::new();
        let mut more_subscriptions = false;
        let constant = |hidden: &Withheld| {
            let field = governor.catalog.find(hidden.field.as_str());
            field.and_then(|field| plan.constant_state(field)) == Some(State::Hidden)
        };
        let mut released = Vec::new();
        for subscription in subscriptions {
            let mut subject = bound.subject();
            subject.subscription = Some(&subscription.row);
            let decision = plan.decide(&subject, governor.now);
            if !decision.exists || !decision.verdict.is_allowed() {
                continue;
            }
            if items.len() == MAX_SUBSCRIPTIONS {
                more_subscriptions = true;
                break;
            }
            decided_by.extend(statements(decision.verdict.reasons()));
            let mut own = Governor {
                catalog: governor.catalog,
                decision: &decision,
                hash_key: governor.hash_key,
                now: governor.now,
                released: Vec::new(),
            };
            let fields = own.fields(
                Of::Subscription,
                &subscription.row,
                &subscription.provenance,
            );
            let (everywhere, here): (Vec<_>, Vec<_>) = own
                .withheld(&[Of::Subscription])
                .into_iter()
                .partition(constant);
            if items.is_empty() {
                withheld.extend(everywhere);
            }
            released.append(&mut own.released);
            items.push(SubscriptionItem {
                id: subscription.id,
                fields,
                withheld: here,
            });
        }
        governor.released.append(&mut released);
        decided_by.sort_unstable();
        decided_by.dedup();
        let answer = Self {
            company,
            site,
            subscriptions: items,
            more_subscriptions,
        };
        (answer, withheld)
    }
}
