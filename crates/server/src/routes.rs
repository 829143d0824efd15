//! All routes on one page. The router is built from this table alone, so a test can enumerate it, and
//! a route cannot exist without saying for which purpose it is and what it reveals.

use axum::routing::{MethodRouter, get, patch, post};
use kith_domain::Purpose;
use kith_domain::id::{AccountId, CompanyId, ConversationId, PersonId, SiteId, SubscriptionId};

use crate::App;
use crate::api::{
    accounts, audit, bulk, context, conversations, decisions, erasure, health, hooks, identity,
    ingest, journey, lists, metrics, posthog, search, writes,
};
use crate::{console, openapi};

/// Where a route's purpose comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutePurpose {
    /// Always this one.
    Fixed(Purpose),
    /// The request's body names it.
    FromBody,
    /// The request's query names it.
    FromQuery,
    /// The route reveals nothing and changes nothing about anybody.
    None,
    /// A source delivers facts; nothing is read.
    Ingest,
}

/// What a route's answer can hold of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveals {
    /// Nothing.
    Nothing,
    /// Fields in their governed form, after their audit entry.
    GovernedFields,
    /// What the policy decides about fields and why, without any value, after their audit entry.
    Decisions,
    /// Entries of the audit log, which name fields and hold no values, and hashes of them.
    AuditEntries,
    /// Ids and outcomes of what was written, without any value, under its audit entry.
    Outcomes,
}

/// At which of the server's addresses a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Where callers and sources come.
    Api,
    /// Where those who run the server look at it, with no credential: no caller may reach it.
    Operators,
}

/// The methods that routes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Asks with a body, or writes.
    Post,
    /// Writes a part of what is there.
    Patch,
}

impl Method {
    /// As HTTP has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        }
    }
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// For which purpose it is.
    pub purpose: RoutePurpose,
    /// What its answer can hold of a customer.
    pub reveals: Reveals,
    /// At which address it is.
    pub door: Door,
    pub(crate) handler: fn() -> MethodRouter<App>,
}

/// Every route of the server.
pub const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/healthz",
        purpose: RoutePurpose::None,
        reveals: Reveals::Nothing,
        door: Door::Api,
        handler: || get(health::alive),
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        purpose: RoutePurpose::None,
        reveals: Reveals::Nothing,
        door: Door::Api,
        handler: || get(health::ready),
    },
    Route {
        method: Method::Post,
        path: "/v1/context",
        purpose: RoutePurpose::FromBody,
        reveals: Reveals::GovernedFields,
        door: Door::Api,
        handler: || post(context::read),
    },
    governed("/v1/search", || get(search::search)),
    governed("/v1/accounts", || get(lists::list::<AccountId>)),
    governed("/v1/people", || get(lists::list::<PersonId>)),
    governed("/v1/people/{id}", || get(lists::one::<PersonId>)),
    governed("/v1/companies", || get(lists::list::<CompanyId>)),
    governed("/v1/companies/{id}", || get(lists::one::<CompanyId>)),
    governed("/v1/subscriptions", || get(lists::list::<SubscriptionId>)),
    governed("/v1/subscriptions/{id}", || {
        get(lists::one::<SubscriptionId>)
    }),
    governed("/v1/conversations", || get(lists::list::<ConversationId>)),
    governed("/v1/sites", || get(lists::list::<SiteId>)),
    governed("/v1/sites/{id}", || get(lists::one::<SiteId>)),
    governed("/v1/accounts/{id}", || get(accounts::read)),
    governed("/v1/accounts/{id}/summary", || get(accounts::summary)),
    governed("/v1/accounts/{id}/journey", || get(journey::of_account)),
    governed("/v1/people/{id}/journey", || get(journey::of_person)),
    governed("/v1/conversations/{id}", || get(conversations::read)),
    Route {
        method: Method::Post,
        path: "/v1/explain",
        purpose: RoutePurpose::FromBody,
        reveals: Reveals::Decisions,
        door: Door::Api,
        handler: || post(context::explain),
    },
    Route {
        method: Method::Post,
        path: "/v1/decisions",
        purpose: RoutePurpose::FromBody,
        reveals: Reveals::Decisions,
        door: Door::Api,
        handler: || post(decisions::decide),
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        purpose: RoutePurpose::None,
        reveals: Reveals::Nothing,
        door: Door::Operators,
        handler: || get(metrics::scrape),
    },
    page("/openapi.json", || get(openapi::answer)),
    page("/docs/api", || get(console::reference)),
    audit_route("/v1/audit", || get(audit::list)),
    audit_route("/v1/audit/log/checkpoint", || get(audit::checkpoint)),
    audit_route("/v1/audit/log/tile/{*tile}", || get(audit::tile)),
    audit_route("/v1/audit/log/inclusion", || get(audit::inclusion)),
    audit_route("/v1/audit/log/consistency", || get(audit::consistency)),
    governed("/v1/people/{id}/identity", || {
        get(identity::read::<PersonId>)
    }),
    governed("/v1/accounts/{id}/identity", || {
        get(identity::read::<AccountId>)
    }),
    governed("/v1/companies/{id}/identity", || {
        get(identity::read::<CompanyId>)
    }),
    ruling_route(Method::Post, "/v1/people/{id}/merge", || {
        post(identity::merge)
    }),
    ruling_route(Method::Post, "/v1/people/{id}/split", || {
        post(identity::split)
    }),
    ruling_route(Method::Post, "/v1/accounts/{id}/merge", || {
        post(identity::merge)
    }),
    ruling_route(Method::Post, "/v1/accounts/{id}/split", || {
        post(identity::split)
    }),
    ruling_route(Method::Post, "/v1/companies/{id}/merge", || {
        post(identity::merge)
    }),
    ruling_route(Method::Post, "/v1/companies/{id}/split", || {
        post(identity::split)
    }),
    ruling_route(Method::Post, "/v1/merges/{id}/undo", || {
        post(identity::undo)
    }),
    ruling_route(Method::Get, "/v1/reviews", || get(identity::reviews)),
    ruling_route(Method::Post, "/v1/reviews/{id}", || post(identity::review)),
    write_route(Method::Post, "/v1/accounts", || post(writes::upsert)),
    write_route(Method::Patch, "/v1/accounts/{id}", || patch(writes::change)),
    write_route(Method::Post, "/v1/people", || post(writes::upsert)),
    write_route(Method::Patch, "/v1/people/{id}", || patch(writes::change)),
    Route {
        method: Method::Post,
        path: "/v1/people/{id}/erase",
        purpose: RoutePurpose::Fixed(Purpose::PersonErase),
        reveals: Reveals::Outcomes,
        door: Door::Api,
        handler: || post(erasure::erase),
    },
    write_route(Method::Post, "/v1/companies", || post(writes::upsert)),
    write_route(Method::Patch, "/v1/companies/{id}", || {
        patch(writes::change)
    }),
    write_route(Method::Post, "/v1/companies/bulk", || post(bulk::write)),
    write_route(Method::Post, "/v1/sites", || post(writes::upsert)),
    write_route(Method::Patch, "/v1/sites/{id}", || patch(writes::change)),
    write_route(Method::Post, "/v1/sites/bulk", || post(bulk::write)),
    write_route(Method::Post, "/v1/subscriptions", || post(writes::upsert)),
    write_route(Method::Patch, "/v1/subscriptions/{id}", || {
        patch(writes::change)
    }),
    write_route(Method::Post, "/v1/subscriptions/bulk", || post(bulk::write)),
    write_route(Method::Post, "/v1/conversations", || post(writes::upsert)),
    write_route(Method::Patch, "/v1/conversations/{id}", || {
        patch(writes::change)
    }),
    write_route(Method::Post, "/v1/conversations/bulk", || post(bulk::write)),
    write_route(Method::Post, "/v1/events", || post(writes::event)),
    write_route(Method::Post, "/v1/accounts/bulk", || post(bulk::write)),
    write_route(Method::Post, "/v1/people/bulk", || post(bulk::write)),
    write_route(Method::Post, "/v1/events/bulk", || post(bulk::write)),
    page("/accounts/{id}", || get(console::account::form)),
    Route {
        method: Method::Post,
        path: "/accounts/{id}",
        purpose: RoutePurpose::FromBody,
        reveals: Reveals::GovernedFields,
        door: Door::Api,
        handler: || post(console::account::show),
    },
    page("/explain", || get(console::explain)),
    page("/assets/kith.css", || get(console::style)),
    page("/assets/explain.js", || get(console::explain_script)),
    ingest_route("/v1/identify", || post(ingest::identify)),
    ingest_route("/v1/group", || post(ingest::group)),
    ingest_route("/v1/track", || post(ingest::track)),
    ingest_route("/v1/page", || post(ingest::page)),
    ingest_route("/v1/screen", || post(ingest::screen)),
    ingest_route("/v1/alias", || post(ingest::alias)),
    ingest_route("/v1/batch", || post(ingest::batch)),
    // As browsers have it.
    ingest_route("/v1/i", || post(ingest::identify)),
    ingest_route("/v1/g", || post(ingest::group)),
    ingest_route("/v1/t", || post(ingest::track)),
    ingest_route("/v1/p", || post(ingest::page)),
    ingest_route("/v1/s", || post(ingest::screen)),
    ingest_route("/v1/a", || post(ingest::alias)),
    ingest_route("/v1/b", || post(ingest::batch)),
    Route {
        method: Method::Get,
        ..ingest_route("/v1/projects/{key}/settings", || get(ingest::settings))
    },
    // What other systems call out.
    ingest_route("/v1/hooks/{id}", || post(hooks::receive)),
    // Jitsu, from servers and from browsers.
    ingest_route("/api/s/s2s/{type}", || post(ingest::own)),
    ingest_route("/api/s/{type}", || post(ingest::own)),
    // PostHog.
    ingest_route("/batch/", || post(posthog::capture)),
    ingest_route("/batch", || post(posthog::capture)),
    ingest_route("/capture/", || post(posthog::capture)),
    ingest_route("/capture", || post(posthog::capture)),
    ingest_route("/e/", || post(posthog::capture)),
    ingest_route("/e", || post(posthog::capture)),
    ingest_route("/i/v0/e/", || post(posthog::capture)),
    ingest_route("/i/v0/e", || post(posthog::capture)),
];

/// Customers in their governed form, for the purpose that the query names.
const fn governed(path: &'static str, handler: fn() -> MethodRouter<App>) -> Route {
    Route {
        method: Method::Get,
        path,
        purpose: RoutePurpose::FromQuery,
        reveals: Reveals::GovernedFields,
        door: Door::Api,
        handler,
    }
}

/// The audit log, for those whom the policies let read it.
const fn audit_route(path: &'static str, handler: fn() -> MethodRouter<App>) -> Route {
    Route {
        method: Method::Get,
        path,
        purpose: RoutePurpose::Fixed(Purpose::AuditView),
        reveals: Reveals::AuditEntries,
        door: Door::Api,
        handler,
    }
}

/// A change of accounts, people and what belongs to them.
const fn write_route(
    method: Method,
    path: &'static str,
    handler: fn() -> MethodRouter<App>,
) -> Route {
    Route {
        method,
        path,
        purpose: RoutePurpose::Fixed(Purpose::AccountEdit),
        reveals: Reveals::Outcomes,
        door: Door::Api,
        handler,
    }
}

/// What people decide about identity, and what waits for them.
const fn ruling_route(
    method: Method,
    path: &'static str,
    handler: fn() -> MethodRouter<App>,
) -> Route {
    Route {
        method,
        path,
        purpose: RoutePurpose::Fixed(Purpose::PersonMerge),
        reveals: Reveals::Outcomes,
        door: Door::Api,
        handler,
    }
}

/// A page or a part of one: fixed text, the same for everyone.
const fn page(path: &'static str, handler: fn() -> MethodRouter<App>) -> Route {
    Route {
        method: Method::Get,
        path,
        purpose: RoutePurpose::None,
        reveals: Reveals::Nothing,
        door: Door::Api,
        handler,
    }
}

/// What client libraries deliver.
const fn ingest_route(path: &'static str, handler: fn() -> MethodRouter<App>) -> Route {
    Route {
        method: Method::Post,
        path,
        purpose: RoutePurpose::Ingest,
        reveals: Reveals::Nothing,
        door: Door::Api,
        handler,
    }
}
