//! `kith context`: the governed context of a customer, as the holder of a key sees it.

use std::fmt::Write as _;

use comfy_table::Cell;
use indexmap::IndexMap;
use kith_auth::end_user::IdentityToken;
use kith_domain::id::{AccountId, PersonId};
use kith_domain::{Identifier, IdentifierType, RootKind};
use kith_engine::{
    Context, ContextRequest, FieldAnswer, Governed, JourneyItem, MemberRef, RootRef, SubjectRef,
};

use crate::Shell;
use crate::args::Ask;
use crate::failure::{Failure, because};
use crate::output::{GLUE, dim, finish, fitted, heading};
use crate::show::{HIDDEN, field, minute, origin, value};

pub(super) async fn run(shell: &Shell, ask: &Ask) -> Result<(), Failure> {
    let request = request(ask)?;
    let caller = shell.engine.authenticate(&ask.key).await?;
    let answer = shell.engine.context(&caller, request).await?;
    shell.output.result(&answer, || text(&answer))?;
    Ok(())
}

/// The question, as the engine takes it.
pub(super) fn request(ask: &Ask) -> Result<ContextRequest, Failure> {
    let person = ask
        .person
        .as_deref()
        .map(|text| root::<PersonId>("--person", PersonId::PREFIX, RootKind::Person, text));
    let account = ask
        .account
        .as_deref()
        .map(|text| root::<AccountId>("--account", AccountId::PREFIX, RootKind::Account, text));
    Ok(ContextRequest {
        purpose: ask.purpose,
        subject: SubjectRef {
            person: person.transpose()?,
            account: account.transpose()?,
        },
        on_behalf_of: ask.on_behalf_of.as_deref().map(MemberRef::from),
        identity_token: ask.identity_token.clone().map(IdentityToken::Jwt),
    })
}

/// `per_…`, or `userId:usr_1`.
fn root<Id>(flag: &str, prefix: &str, kind: RootKind, text: &str) -> Result<RootRef<Id>, Failure>
where
    Id: std::str::FromStr,
{
    let wrong = |what: String| Failure::input(format!("`{flag}`: {what}"));
    let types: Vec<_> = IdentifierType::ALL
        .iter()
        .filter(|one| one.root_kind() == kind)
        .map(|one| format!("`{one}:…`"))
        .collect();
    let expected = || wrong(format!("expected `{prefix}_…`, {}", types.join(", ")));
    let Some((ty, value)) = text.split_once(':') else {
        return text.parse().map(RootRef::Id).map_err(|_| expected());
    };
    let ty: IdentifierType = ty.parse().map_err(|_| expected())?;
    if ty.root_kind() != kind {
        return Err(expected());
    }
    Identifier::new(ty, value)
        .map(RootRef::Identifier)
        .map_err(|error| wrong(error.to_string()))
}

fn text(answer: &Governed<Context>) -> String {
    let context = answer.answer();
    let mut text = head(context);
    let mut table = fitted();
    table.set_header(["FIELD", "VALUE", "SOURCE"].map(heading));
    for (entity, fields) in entities(context) {
        for (key, answer) in fields {
            table.add_row([
                Cell::new(format!("{entity}.{key}")),
                Cell::new(field(answer)),
                dim(&origin(answer).unwrap_or_default()),
            ]);
        }
    }
    let _ = writeln!(text, "\n{}", finish(table));
    if !context.journey.is_empty() {
        let _ = writeln!(text, "\nRecently:");
        for item in &context.journey {
            let _ = writeln!(text, "  {}", happened(item));
        }
    }
    if !context.withheld.is_empty() {
        let _ = writeln!(text, "\nWithheld:\n{}", withheld(context));
    }
    let _ = write!(text, "\naudit entry {}", answer.audit());
    text
}

fn head(context: &Context) -> String {
    let mut text = format!(
        "{} under definitions version {}",
        context.purpose, context.definitions_version
    );
    if let Some(account) = &context.account {
        let _ = write!(text, "\naccount  {}", account.id);
    }
    for account in &context.accounts {
        let _ = write!(text, "\nan account in view  {}", account.id);
    }
    if !context.accounts.is_empty() {
        let _ = write!(text, "\nask again with one of them: `--account acc_…`");
    }
    if let Some(person) = &context.person {
        let _ = write!(text, "\nperson   {}", person.id);
    }
    let identity = match context.signed_identity.method {
        Some(method) if context.signed_identity.verified => format!("verified ({method})"),
        _ => "not proven".to_owned(),
    };
    let _ = write!(text, "\nsigned identity  {identity}");
    for reason in context.allowed_because.iter() {
        let _ = write!(text, "\nallowed  {}", because(reason));
    }
    text.push('\n');
    text
}

/// The fields of each entity in view, by the entity's name.
pub(super) fn entities(context: &Context) -> Vec<(&'static str, &IndexMap<String, FieldAnswer>)> {
    let account = context.account.as_ref().map(|entity| &entity.fields);
    let person = context.person.as_ref().map(|entity| &entity.fields);
    [
        ("account", account),
        ("person", person),
        ("role", context.role.as_ref()),
    ]
    .into_iter()
    .filter_map(|(name, fields)| Some((name, fields?)))
    .collect()
}

fn happened(item: &JourneyItem) -> String {
    let mut text = format!("{}  {}", minute(item.at), item.event);
    for (key, property) in &item.properties {
        let _ = write!(text, "  {key}={}", value(&property.value));
    }
    text
}

fn withheld(context: &Context) -> String {
    let mut table = fitted();
    table.set_header(["FIELD", "WHY", "OWNER"].map(heading));
    for one in &context.withheld {
        table.add_row([
            Cell::new(format!("{HIDDEN}{GLUE}{}", one.field)),
            Cell::new(because(&one.reason)),
            dim(&one.owner),
        ]);
    }
    finish(table)
}
