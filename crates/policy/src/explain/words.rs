//! Reasons as sentences for people.

use kith_domain::{Audience, Field};

use crate::decision::{Reason, ReasonCode, RestsOn};
use crate::field::Why;
use crate::plan::{PlanInner, View};
use crate::side::SideKind;

pub(super) fn side(plan: &PlanInner, view: View) -> SideKind {
    plan.key
        .sides()
        .get(view.side())
        .map_or(SideKind::Asker, |side| side.kind)
}

/// The purpose of a side: a member's own may be another than the one that was asked.
fn purpose(plan: &PlanInner, view: View) -> kith_domain::Purpose {
    plan.key
        .sides()
        .get(view.side())
        .map_or(plan.key.purpose(), |side| side.purpose)
}

/// No statement allows the purpose at all.
pub(super) fn no_statement(plan: &PlanInner, view: View) -> Reason {
    let purpose = purpose(plan, view);
    Reason {
        code: ReasonCode::NoStatement,
        side: side(plan, view),
        words: format!("no statement allows `{purpose}`"),
        statement: None,
        rests_on: Vec::new(),
        decided_by: None,
    }
}

/// What the catalog says.
pub(super) fn of_catalog(plan: &PlanInner, view: View, field: &Field, why: Why) -> Reason {
    let purpose = purpose(plan, view);
    let audience = purpose.audience();
    let name = audience.map_or("no audience", Audience::as_str);
    let level = field.sensitivity;
    let (code, words) = match why {
        Why::Draft => (
            ReasonCode::Draft,
            "the field is a draft, and drafts are hidden from everyone".to_owned(),
        ),
        Why::NoAudience | Why::Statement(_) => (
            ReasonCode::NoAudience,
            format!("`{purpose}` reveals no field to anyone"),
        ),
        Why::NotSafe => (
            ReasonCode::NotSafe,
            format!("not safe for {name}: no statement lifts that, its owner may"),
        ),
        Why::AboveCeiling => (
            ReasonCode::AboveCeiling,
            format!("{level} is above {name}'s ceiling"),
        ),
        Why::WithinCeiling => (
            ReasonCode::WithinCeiling,
            format!("safe for {name}, and {level} is within its ceiling"),
        ),
    };
    Reason {
        code,
        side: side(plan, view),
        words,
        statement: None,
        rests_on: Vec::new(),
        decided_by: None,
    }
}

/// What a statement did, and what it turned on.
pub(super) fn of_statement(reason: &Reason, keyword: &str) -> String {
    let Some(statement) = &reason.statement else {
        return format!("a statement `{keyword}` decides");
    };
    let place = format!("`{keyword}` at {}:{}", statement.file, statement.line);
    if statement.text.is_none() {
        let names = reason.rests_on.iter().flat_map(|rests| rests.names.iter());
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        return format!("{place} turns on {}", names.join(" and "));
    }
    let does = if reason.code == ReasonCode::NotMet {
        "does not hold"
    } else {
        "applies"
    };
    let tests: Vec<_> = reason.rests_on.iter().filter_map(outcome).collect();
    if tests.is_empty() {
        format!("{place} {does}")
    } else {
        format!("{place} {does}: {}", tests.join(", "))
    }
}

fn outcome(rests: &RestsOn) -> Option<String> {
    let test = rests.test.as_ref()?;
    Some(match test.holds {
        Some(true) => format!("`{}` is true", test.text),
        Some(false) => format!("`{}` is false", test.text),
        None => format!("`{}` is unknown", test.text),
    })
}

/// What would make a failed `allow` hold.
pub(super) fn hint(plan: &PlanInner, view: View, lacking: &[String]) -> Option<String> {
    let purpose = purpose(plan, view);
    let who = match side(plan, view) {
        SideKind::Asker => String::new(),
        SideKind::Member => " of the member".to_owned(),
    };
    (!lacking.is_empty()).then(|| format!("`{purpose}`{who} needs {}", lacking.join(" and ")))
}

/// Says that a reason is the event's, not the property's own.
pub(super) fn say_event(reason: &mut Reason, property: &Field) {
    let path = property.path.as_str();
    let event = path.rsplit_once('.').map_or(path, |(event, _)| event);
    reason.words = format!("its event `{event}` is no more than this: {}", reason.words);
}
