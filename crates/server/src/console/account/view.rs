//! The page: what is asked of the engine for it, and where each answer stands.

use std::sync::Arc;

use kith_domain::id::AuditId;
use kith_domain::{Audience, Purpose, Timestamp};
use kith_engine::{
    AccountRequest, AccountSummary, AroundAnswer, Caller, Context, Engine, EngineError, Governed,
    Journey, JourneyOf, JourneyRequest, Withheld,
};
use kith_policy::Reason;
use maud::{DOCTYPE, Markup, html};

use super::ask::Ask;
use super::chips::{Fields, chips, text};
use super::parts::{self, Check};
use super::words;
use crate::problem::Problem;

/// Things that happened which the page shows.
const JOURNEY_ITEMS: u32 = 30;

/// What the reader may choose, beside the customer.
pub(super) struct Switch {
    pub(super) name: String,
    pub(super) own_roles: String,
    /// Roles as which they may look; none for an agent.
    pub(super) roles: Vec<Arc<str>>,
}

/// Whom the page is about.
pub(super) enum Subject {
    Account(Governed<AccountSummary>),
    Person(Governed<Context>),
}

/// Every answer that the page shows.
pub(super) struct Seen {
    pub(super) switch: Switch,
    pub(super) subject: Subject,
    /// None where the subject's own recent journey has to do.
    pub(super) journey: Option<Governed<Journey>>,
    pub(super) checks: Vec<Check>,
    pub(super) audit: Vec<AuditId>,
}

/// Asks the engine, one governed answer after the other. With a good key, also what there is to switch
/// when it does not answer.
pub(super) async fn gather(engine: &Engine, ask: &Ask) -> Result<Seen, (Problem, Option<Switch>)> {
    let early = |error: EngineError| (Problem::from(error), None);
    let own = engine.authenticate(&ask.secrets.key).await.map_err(early)?;
    let is_member = own.roles().next().is_some();
    let roles = if is_member {
        engine.roles(&own).await.map_err(early)?
    } else {
        Vec::new()
    };
    let switch = Switch {
        name: own.name().to_owned(),
        own_roles: own.roles().collect::<Vec<_>>().join(", "),
        roles,
    };
    match answers(engine, ask, &own).await {
        Ok((subject, journey, checks, audit)) => Ok(Seen {
            switch,
            subject,
            journey,
            checks,
            audit,
        }),
        Err(error) => Err((Problem::from(error), Some(switch))),
    }
}

type Answers = (Subject, Option<Governed<Journey>>, Vec<Check>, Vec<AuditId>);

async fn answers(engine: &Engine, ask: &Ask, own: &Caller) -> Result<Answers, EngineError> {
    let caller = match &ask.view_as {
        Some(role) => own.viewing_as(role)?,
        None => own.clone(),
    };
    let subject = match ask.person {
        Some(_) => {
            let context = engine.context(&caller, ask.context(ask.purpose)).await?;
            Subject::Person(context)
        }
        None => {
            let request = AccountRequest {
                purpose: ask.purpose,
                account: ask.account,
                on_behalf_of: None,
                as_of: None,
            };
            Subject::Account(engine.account_summary(&caller, request).await?)
        }
    };
    let mut audit = vec![subject.audit()];
    let mut checks = vec![parts::identity(&subject)];
    let account = subject.account();
    checks.extend(account.and_then(|account| parts::private(account, subject.withheld())));
    for other in [
        (Purpose::SupportReply, "Reply"),
        (Purpose::AiDraft, "AI context"),
    ] {
        let (check, entry) = parts::verdict(engine, &caller, ask, other).await?;
        checks.push(check);
        audit.extend(entry);
    }
    // AI is told what happened recently together with the rest of the context, under one proof.
    let journey = if ask.purpose.audience() == Some(Audience::Ai) {
        None
    } else {
        let request = JourneyRequest {
            purpose: ask.purpose,
            of: JourneyOf::Account(ask.account),
            on_behalf_of: None,
            kinds: Vec::new(),
            before: None,
            after: None,
            limit: Some(JOURNEY_ITEMS),
            cursor: None,
        };
        let journey = engine.journey(&caller, request).await?;
        audit.push(journey.audit());
        Some(journey)
    };
    Ok((subject, journey, checks, audit))
}

impl Subject {
    const fn audit(&self) -> AuditId {
        match self {
            Self::Account(summary) => summary.audit(),
            Self::Person(context) => context.audit(),
        }
    }

    fn account(&self) -> Option<&Fields> {
        match self {
            Self::Account(summary) => Some(&summary.answer().account.fields),
            Self::Person(context) => Some(&context.answer().account.as_ref()?.fields),
        }
    }

    pub(super) fn person(&self) -> Option<&Fields> {
        match self {
            Self::Account(_) => None,
            Self::Person(context) => Some(&context.answer().person.as_ref()?.fields),
        }
    }

    pub(super) fn role(&self) -> Option<&Fields> {
        match self {
            Self::Account(_) => None,
            Self::Person(context) => context.answer().role.as_ref(),
        }
    }

    const fn around(&self) -> &AroundAnswer {
        match self {
            Self::Account(summary) => &summary.answer().around,
            Self::Person(context) => &context.answer().around,
        }
    }

    fn allowed_because(&self) -> &[Reason] {
        match self {
            Self::Account(summary) => &summary.answer().allowed_because,
            Self::Person(context) => &context.answer().allowed_because,
        }
    }

    fn withheld(&self) -> &[Withheld] {
        match self {
            Self::Account(summary) => &summary.answer().withheld,
            Self::Person(context) => &context.answer().withheld,
        }
    }

    const fn decided(&self) -> (Timestamp, u64) {
        match self {
            Self::Account(summary) => {
                let answer = summary.answer();
                (answer.decided_at, answer.definitions_version)
            }
            Self::Person(context) => {
                let answer = context.answer();
                (answer.decided_at, answer.definitions_version)
            }
        }
    }
}

/// The account, as the answers have it.
pub(super) fn account(ask: &Ask, seen: &Seen) -> Markup {
    let nothing = Fields::new();
    let subject = &seen.subject;
    let account = subject.account().unwrap_or(&nothing);
    let (now, version) = subject.decided();
    let name = text(account, "name").unwrap_or("An account without a name");
    let around = subject.around();
    let one = [
        ("Account", "account", Some(account)),
        ("Person", "person", subject.person()),
        ("Role", "role", subject.role()),
        (
            "Company",
            "company",
            around.company.as_ref().map(|of| &of.fields),
        ),
        ("Site", "site", around.site.as_ref().map(|of| &of.fields)),
    ];
    let one = one.into_iter();
    let one = one.filter_map(|(title, entity, fields)| Some((title, entity, fields?)));
    let subscriptions = around.subscriptions.iter();
    let subscriptions = subscriptions.map(|of| ("Subscription", "subscription", &of.fields));
    let entities = one.chain(subscriptions).enumerate();
    let body = html! {
        div.masthead {
            div {
                h1 { (name) }
                p.help { code { (ask.account) } }
            }
            ul.chips aria-label="At a glance" {
                @for chip in chips(account, subject.role(), now) {
                    li.chip.risk[chip.is_risk] { (chip.text) }
                }
            }
        }
        (switch(ask, &seen.switch))
        div.cards {
            (parts::model(subject, account))
            (parts::checks(&seen.checks))
            @if let Subject::Account(summary) = subject {
                (parts::people(ask, summary.answer()))
            }
            (parts::because(ask.purpose, subject.allowed_because()))
        }
        div.columns {
            (parts::journey(subject, seen.journey.as_ref()))
            div.facts {
                @for (place, (title, entity, fields)) in entities {
                    (parts::fields(title, entity, place, fields))
                }
                @if around.more_subscriptions { p.help { "There are more subscriptions." } }
            }
        }
        (parts::withheld(subject.withheld()))
        p.help.colophon {
            "Seen by " (seen.switch.name)
            @if let Some(role) = &ask.view_as { " as " (role) }
            " for " code { (ask.purpose) } ", decided " (words::time(now))
            " under definitions version " (version) ". Audit entries: "
            @for (place, entry) in seen.audit.iter().enumerate() {
                @if place > 0 { ", " }
                code { (entry) }
            }
            "."
        }
    };
    frame(name, &body)
}

/// A question that was not answered, with the means to ask another one.
pub(super) fn refused(ask: &Ask, choices: &Switch, problem: &Problem) -> Markup {
    let title = if problem.reasons().is_empty() {
        words::capital(problem.title())
    } else {
        format!("{} is refused", ask.purpose)
    };
    let body = html! {
        h1 { (title) }
        (switch(ask, choices))
        div.sheet.verdict.no { (told(problem)) }
    };
    frame(&title, &body)
}

/// Whom to look as, and for which purpose.
fn switch(ask: &Ask, choices: &Switch) -> Markup {
    let me = match choices.own_roles.as_str() {
        "" => choices.name.clone(),
        roles => format!("{}, {roles}", choices.name),
    };
    html! {
        form.switch.sheet method="post" autocomplete="off" aria-label="Viewer and purpose" {
            (parts::carried(ask))
            div.row {
                label for="viewAs" { "Viewer" }
                select #viewAs name="viewAs" aria-describedby="viewAs-help" {
                    option value="" { (me) }
                    @for role in &choices.roles {
                        option value=(role) selected[ask.view_as.as_deref() == Some(role)] {
                            (choices.name) " as " (role)
                        }
                    }
                }
            }
            div.row {
                label for="purpose" { "Purpose" }
                select #purpose name="purpose" {
                    @for purpose in PURPOSES {
                        option selected[*purpose == ask.purpose] { (purpose) }
                    }
                }
            }
            @if ask.person.is_some() {
                div.row {
                    label for="person" { "About" }
                    select #person name="person" {
                        option value=(parts::person_of(ask)) { "this person" }
                        option value=(super::ask::EVERYONE) { "the whole account" }
                    }
                }
            }
            button type="submit" { "Look" }
            p.help #viewAs-help {
                "Looking as a role shows what that role and you may both see, never more than you may. "
                "Every look is in the audit log."
            }
        }
    }
}

/// Purposes that reveal fields.
const PURPOSES: &[Purpose] = &[
    Purpose::SupportView,
    Purpose::SupportReply,
    Purpose::AiDraft,
    Purpose::AiAnswer,
    Purpose::ReportView,
    Purpose::ReportCreate,
    Purpose::ExportRun,
    Purpose::AutomationRun,
];

/// The form that takes a key; the same for everyone, but for what was wrong with the last try.
pub(super) fn form(problem: Option<&Problem>) -> Markup {
    let body = html! {
        div.intro {
            h1 { "Open an account" }
            p.quiet {
                "Who a customer is, what you may see of them and why, on one page. "
                "The question goes to the audit log before anything is shown."
            }
        }
        @if let Some(problem) = problem { (verdict(problem)) }
        form.sheet.key method="post" autocomplete="off" {
            div.row {
                label for="key" { "Key" }
                input #key name="key" type="password" required autocomplete="off" spellcheck="false"
                    placeholder="kith_member_…" aria-describedby="key-help";
                p.help #key-help {
                    "Yours, or an agent's. It is sent to this server alone, kept nowhere, and asked for "
                    "again after an hour."
                }
            }
            details {
                summary { "The customer proved who they are" }
                div.row {
                    label for="identityToken" { "Identity token" }
                    input #identityToken name="identityToken" spellcheck="false" autocomplete="off"
                        aria-describedby="identityToken-help";
                    p.help #identityToken-help { "A JWT of your backend. AI may need it." }
                }
            }
            button type="submit" { "Open" }
        }
    };
    let title = problem.map_or("Open an account", Problem::title);
    frame(&words::capital(title), &body)
}

fn verdict(problem: &Problem) -> Markup {
    html! {
        div.sheet.verdict.no role="alert" {
            h2 { (words::capital(problem.title())) }
            (told(problem))
        }
    }
}

/// What a problem says, and what to do.
fn told(problem: &Problem) -> Markup {
    html! {
            @if problem.reasons().is_empty() {
                @for line in problem.advice() { p { (words::sentence(&line)) } }
            } @else {
                (parts::reasons(problem.reasons()))
            }
            @if let Some(audit) = problem.audit() {
                p.help { "Audit entry " code { (audit) } }
            }
    }
}

fn frame(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Kith" }
                link rel="stylesheet" href="/assets/kith.css";
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.bar { span.mark { "Kith" } span.quiet { "Accounts" } }
                main #main tabindex="-1" { (body) }
            }
        }
    }
}
