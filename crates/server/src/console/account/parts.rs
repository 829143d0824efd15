//! The parts of the page.

use kith_domain::id::AuditId;
use kith_domain::{Audience, Purpose, Timestamp};
use kith_engine::{
    AccountSummary, Caller, ChangeItem, ConversationItem, ConversationNews, Engine, EngineError,
    FieldAnswer, Governed, Journey, JourneyEntry, JourneyItem, Withheld,
};
use kith_policy::{Reason, SideKind};
use maud::{Markup, html};
use serde_json::Value as Json;

use super::ask::{Ask, EVERYONE};
use super::chips::{Fields, plan, shown, text};
use super::view::Subject;
use super::words::{age, path, phrase, sentence, time, value};

/// The field whose secrecy the policy check speaks of.
const PRIVATE: &str = "account.privateRevenue";

/// One line of the policy check.
pub(super) struct Check {
    /// None where nothing was asked.
    holds: Option<bool>,
    text: String,
    because: Vec<Reason>,
    note: Option<String>,
}

impl Check {
    fn new(holds: bool, text: &str, because: Vec<Reason>) -> Self {
        Self {
            holds: Some(holds),
            text: text.to_owned(),
            because,
            note: None,
        }
    }

    fn not_asked(text: &str, note: &str) -> Self {
        Self {
            holds: None,
            text: text.to_owned(),
            because: Vec::new(),
            note: Some(note.to_owned()),
        }
    }
}

/// Whether the end user proved to be the person.
pub(super) fn identity(subject: &Subject) -> Check {
    let Subject::Person(context) = subject else {
        let note = "Choose a person: an account proves nothing by itself.";
        return Check::not_asked("Signed identity", note);
    };
    let signed = &context.answer().signed_identity;
    let mut check = if signed.verified {
        Check::new(true, "Signed identity verified", Vec::new())
    } else {
        Check::new(false, "Signed identity not proven", Vec::new())
    };
    check.note = Some(match signed.method {
        Some(method) if signed.verified => {
            format!("By {} of your backend.", method.to_uppercase())
        }
        _ => "No token was given that proves it.".to_owned(),
    });
    check
}

/// Whether what the account brings is kept from this answer; none where there is no such field.
pub(super) fn private(account: &Fields, withheld: &[Withheld]) -> Option<Check> {
    let (_, key) = PRIVATE.split_once('.')?;
    if let Some(field) = account.get(key) {
        let words = format!("Private revenue {}", field.state);
        return Some(Check::new(false, &words, Vec::new()));
    }
    let one = withheld.iter().find(|one| one.field.as_str() == PRIVATE)?;
    Some(Check::new(
        true,
        "Private revenue hidden",
        vec![one.reason.clone()],
    ))
}

/// What the policy decides about another purpose, and the audit entry of that question.
pub(super) async fn verdict(
    engine: &Engine,
    caller: &Caller,
    ask: &Ask,
    (purpose, what): (Purpose, &str),
) -> Result<(Check, Option<AuditId>), EngineError> {
    let machine = matches!(
        purpose.audience(),
        Some(Audience::Ai | Audience::Automation)
    );
    if ask.view_as.is_some() && machine {
        let note = "It meets two sides already: look as yourself.";
        return Ok((Check::not_asked(what, note), None));
    }
    let request = ask.context(purpose);
    let (allowed, reasons, audit) = match engine.explain(caller, request, Vec::new()).await {
        Ok(explained) => {
            let answer = explained.answer();
            (answer.allowed, answer.reasons.to_vec(), explained.audit())
        }
        Err(EngineError::Refused(refused)) => {
            (false, refused.refusal.reasons.to_vec(), refused.audit)
        }
        Err(other) => return Err(other),
    };
    let word = if allowed { "allowed" } else { "refused" };
    let check = Check::new(allowed, &format!("{what} {word}"), reasons);
    Ok((check, Some(audit)))
}

/// What the next question carries: the ticket, and whom the page is about.
pub(super) fn carried(ask: &Ask) -> Markup {
    html! { input type="hidden" name="ticket" value=(ask.ticket); }
}

pub(super) fn person_of(ask: &Ask) -> String {
    ask.person
        .map_or_else(|| EVERYONE.to_owned(), |person| person.to_string())
}

/// Who this is, in four lines.
pub(super) fn model(subject: &Subject, account: &Fields) -> Markup {
    let own = |fields: Option<&Fields>, key| shown(fields?, key);
    let phrased = |json: Json| {
        json.as_str()
            .map_or(json.clone(), |text| phrase(text).into())
    };
    let lines = [
        ("user.id", own(subject.person(), "userId")),
        ("account.plan", plan(account).map(Json::from)),
        ("role", own(subject.role(), "name")),
        ("lifecycle", shown(account, "lifecycle").map(phrased)),
    ];
    html! {
        section.sheet aria-labelledby="model" {
            h2 #model { "Identity" }
            dl.model {
                @for (name, shown) in lines {
                    div { dt { code { (name) } } dd { (value(&shown.unwrap_or(Json::Null))) } }
                }
            }
        }
    }
}

/// What the policy decides, each line from a decision of the engine.
pub(super) fn checks(checks: &[Check]) -> Markup {
    html! {
        section.sheet aria-labelledby="checks" {
            h2 #checks { "Policy check" }
            ul.checks {
                @for check in checks {
                    @let (class, said) = match check.holds {
                        Some(true) => ("yes", "yes: "),
                        Some(false) => ("no", "no: "),
                        None => ("open", "not asked: "),
                    };
                    li class=(class) {
                        span.unseen { (said) }
                        strong { (check.text) }
                        @if let Some(note) = &check.note { p.help { (note) } }
                        @if !check.because.is_empty() {
                            details { summary { "Why" } (reasons(&check.because)) }
                        }
                    }
                }
            }
        }
    }
}

/// The people of the account in view.
pub(super) fn people(ask: &Ask, summary: &AccountSummary) -> Markup {
    html! {
        section.sheet aria-labelledby="people" {
            h2 #people { "People" }
            @if summary.people.is_empty() {
                p.quiet { "Nobody in your view." }
            }
            form.people method="post" aria-label="Open a person" {
                (carried(ask))
                input type="hidden" name="purpose" value=(ask.purpose);
                input type="hidden" name="viewAs" value=(ask.view_as.as_deref().unwrap_or_default());
                ul {
                    @for person in &summary.people {
                        @let name = text(&person.fields, "name").or_else(|| text(&person.fields, "userId"));
                        li {
                            button.plain type="submit" name="person" value=(person.id) {
                                (name.unwrap_or("Someone"))
                            }
                            @if let Some(role) = text(&person.role, "name") { span.help { (role) } }
                        }
                    }
                }
            }
            @if summary.more_people { p.help { "There are more." } }
        }
    }
}

/// Why the purpose is allowed.
pub(super) fn because(purpose: Purpose, allowed_because: &[Reason]) -> Markup {
    html! {
        section.sheet aria-labelledby="because" {
            h2 #because { code { (purpose) } " is allowed" }
            (reasons(allowed_because))
        }
    }
}

/// Reasons, each with the statement that it rests on.
pub(super) fn reasons(reasons: &[Reason]) -> Markup {
    html! {
        @for reason in reasons {
            div.because {
                @if reason.side == SideKind::Member { p.help { "On the member's own side:" } }
                p { (sentence(&reason.words)) }
                @if let Some(text) = reason.statement.as_ref().and_then(|at| at.text.as_deref()) {
                    pre { (text) }
                }
            }
        }
    }
}

/// Every field of an entity that leaves, with where it came from and whom to ask.
pub(super) fn fields(title: &str, entity: &str, place: usize, fields: &Fields) -> Markup {
    let id = format!("{entity}-{place}");
    html! {
        section aria-labelledby=(id) {
            h2 #(id) { (title) }
            dl.fields.sheet {
                @for (key, field) in fields {
                    div {
                        dt { (path(&format!("{entity}.{key}"))) }
                        dd { (field_value(field)) }
                        dd.help { (origin(field)) }
                    }
                }
            }
        }
    }
}

fn field_value(field: &FieldAnswer) -> Markup {
    html! {
        span.value { (value(&field.value)) }
        @if let Some(mask) = field.mask {
            " " span.state.masked { "masked (" (mask) ")" }
        }
        @if field.origin.as_ref().is_some_and(|origin| origin.stale) {
            " " span.state.stale { "stale" }
        }
    }
}

fn origin(field: &FieldAnswer) -> Markup {
    html! {
        @if let Some(origin) = &field.origin {
            (origin.source) ", " (age(origin.age_seconds)) " · "
        }
        (field.owner)
    }
}

/// What is withheld, and why.
pub(super) fn withheld(withheld: &[Withheld]) -> Markup {
    html! {
        section aria-labelledby="withheld" {
            h2 #withheld { "Withheld" }
            @if withheld.is_empty() {
                p.quiet { "Nothing: you see every field." }
            } @else {
                table.sheet.withheld role="table" {
                    thead role="rowgroup" {
                        tr role="row" {
                            @for head in ["Field", "Why", "Ask"] {
                                th scope="col" role="columnheader" { (head) }
                            }
                        }
                    }
                    tbody role="rowgroup" {
                        @for one in withheld {
                            tr role="row" {
                                th scope="row" role="rowheader" { (path(one.field.as_str())) }
                                td role="cell" { (why(&one.reason)) }
                                td.owner role="cell" { (one.owner) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn why(reason: &Reason) -> Markup {
    html! {
        @if reason.side == SideKind::Member { p.help { "On the member's own side:" } }
        p { (sentence(&reason.words)) }
        @if let Some(text) = reason.statement.as_ref().and_then(|at| at.text.as_deref()) {
            details { summary { "Read the statement" } pre { (text) } }
        }
    }
}

/// What happened, the newest first. Changes that one source told at one moment stand together.
pub(super) fn journey(subject: &Subject, journey: Option<&Governed<Journey>>) -> Markup {
    let recent: &[JourneyItem] = match subject {
        Subject::Account(summary) => &summary.answer().journey,
        Subject::Person(context) => &context.answer().journey,
    };
    let entries = journey.map_or(&[][..], |journey| &journey.answer().items);
    let is_empty = match journey {
        None => recent.is_empty(),
        Some(_) => entries.is_empty(),
    };
    html! {
        section.time aria-labelledby="journey" {
            h2 #journey { "Journey" }
            @if is_empty { p.quiet { "Nothing in your view." } }
            ol.journey.sheet hidden[is_empty] {
                @if journey.is_none() {
                    @for item in recent { (event(item)) }
                }
                @for together in entries.chunk_by(is_one_telling) {
                    (telling(together))
                }
            }
        }
    }
}

fn is_one_telling(one: &JourneyEntry, next: &JourneyEntry) -> bool {
    match (one, next) {
        (JourneyEntry::Change(one), JourneyEntry::Change(next)) => {
            (one.at, &one.source) == (next.at, &next.source)
        }
        _ => false,
    }
}

fn telling(together: &[JourneyEntry]) -> Markup {
    html! {
        @match together {
            [JourneyEntry::Event(item), ..] => (event(item)),
            [JourneyEntry::Change(first), ..] => li {
                (when(first.at))
                p.quiet { (first.source.as_deref().unwrap_or("A source")) " told" }
                ul.changes {
                    @for entry in together {
                        @if let JourneyEntry::Change(item) = entry { (change(item)) }
                    }
                }
            },
            [JourneyEntry::Conversation(item), ..] => (conversation(item)),
            [] => {}
        }
    }
}

fn conversation(item: &ConversationItem) -> Markup {
    html! {
        li.event {
            @match &item.news {
                ConversationNews::Opened(opened) => {
                    (when(opened.at))
                    p { strong { "Conversation began" } }
                    dl.properties {
                        @for (key, field) in &opened.fields {
                            @if !field.value.is_null() { div { dt { (key) } dd { (field_value(field)) } } }
                        }
                        @if let Some(messages) = opened.messages { div { dt { "messages" } dd { (messages) } } }
                        @if let Some(notes) = opened.notes { div { dt { "notes" } dd { (notes) } } }
                    }
                }
                ConversationNews::Changed(changed) => {
                    (when(changed.at))
                    p { strong { "Conversation" } }
                    ul.changes { (change(changed)) }
                }
            }
        }
    }
}

fn when(at: Timestamp) -> Markup {
    html! { span.when { (time(at)) } }
}

fn event(item: &JourneyItem) -> Markup {
    html! {
        li.event {
            (when(item.at))
            p { strong { (phrase(&item.event)) } }
            @if !item.properties.is_empty() {
                dl.properties {
                    @for (key, property) in &item.properties {
                        div {
                            dt { (key) }
                            dd {
                                (value(&property.value))
                                @if property.state == "masked" { " " span.state.masked { "masked" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn change(item: &ChangeItem) -> Markup {
    html! {
        li {
            (path(item.field.key())) " "
            @if !item.before.is_null() { (value(&item.before)) span.quiet { " → " } }
            span.value { (value(&item.after)) }
            @if item.mask.is_some() { " " span.state.masked { "masked" } }
        }
    }
}
