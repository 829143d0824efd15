//! Statements as Cedar policies, and what of the meaning is the same in every version.

use std::fmt::Write as _;

use kith_domain::{Audience, Catalog, Definitions, Purpose, Sensitivity};
use kith_policy::ast::{Action, Name, Selector, Spanned, Statement};
use kith_policy::{Policies, parse};

use crate::condition::{Condition, clauses, condition};
use crate::read::quoted;
use crate::{Excluded, Rendered, Why};

/// A mask statement without a kind: each field's own mask.
pub(crate) const OWN_MASK: &str = "own";

/// Writes the policies of a version for Cedar. The definitions must be those that were checked.
#[must_use]
pub fn render(definitions: &Definitions, policies: &Policies) -> Rendered {
    let mut rendered = Rendered {
        policies: fixed_part(definitions),
        statements: 0,
        excluded: Vec::new(),
    };
    for statement in policies.statements() {
        let (file, _) = parse(&statement.file, &statement.text);
        let policy = match file.statements.as_slice() {
            [written] => policy(&definitions.catalog, written),
            _ => Err(Why::UnknownForm),
        };
        match policy {
            Ok(policy) => {
                let id = statement.id;
                rendered.statements += 1;
                rendered.policies += &format!("@statement(\"{id}\")\n{policy}\n");
            }
            Err(why) => rendered.excluded.push(Excluded {
                statement: statement.id,
                text: statement.text.clone(),
                why,
            }),
        }
    }
    rendered
}

/// The place of a level, the least first: what levels are compared by.
pub(crate) fn level(of: Sensitivity) -> usize {
    let levels = Sensitivity::ALL.iter();
    levels.take_while(|level| **level != of).count()
}

/// Gates and ceilings, and what stands before the first statement: rows exist, fields are hidden.
fn fixed_part(definitions: &Definitions) -> String {
    let mut text = String::from(
        "permit(principal, action in Find::Action::\"any\", resource);\n\
         forbid(principal, action == Find::Action::\"ai.answer\", resource)\n\
         unless { context has user || context.signedIdentity };\n\
         forbid(principal, action in See::Action::\"any\", resource) when { resource.draft };\n",
    );
    for audience in Audience::ALL {
        let ceiling = level(definitions.ceilings.of(audience));
        let see = format!("principal, action in See::Action::\"{audience:?}\", resource");
        let gate = format!("resource.safeFor.contains(\"{audience:?}\")");
        text += &format!(
            "permit({see}) when {{ resource.sensitivity <= {ceiling} }};\n\
             forbid({see}) unless {{ {gate} }};\n"
        );
    }
    text
}

fn policy(catalog: &Catalog, statement: &Statement) -> Result<String, Why> {
    let applies = clauses(catalog, statement.when.as_ref(), statement.unless.as_ref())?;
    Ok(match &statement.action {
        Action::Allow(purposes) => {
            let actions = actions("Action", purposes)?;
            granted(&format!("permit(principal, {actions}, resource)"), &applies)
        }
        Action::Forbid(purposes) => {
            let actions = actions("Action", purposes)?;
            restricted(&format!("forbid(principal, {actions}, resource)"), &applies)
        }
        Action::Show(fields) => {
            // Whoever serves no audience sees nothing.
            let see = "permit(principal, action in See::Action::\"audience\", resource)";
            granted(&format!("{see} when {{ {} }}", selected(fields)), &applies)
        }
        Action::Hide(fields) => {
            let see = "forbid(principal, action in See::Action::\"any\", resource)";
            restricted(&format!("{see} when {{ {} }}", selected(fields)), &applies)
        }
        Action::Mask(fields, kind) => {
            let kind = kind.as_ref().map_or(OWN_MASK, |kind| kind.node.as_str());
            let mask = "permit(principal, action in Mask::Action::\"any\", resource)";
            let mask = format!("@mask(\"{kind}\")\n{mask} when {{ {} }}", selected(fields));
            restricted(&mask, &applies)
        }
        Action::Limit(entity, predicate) => {
            let keeps = condition(catalog, predicate)?;
            let entity = quoted(&entity.node);
            format!(
                "forbid(principal, action in Find::Action::\"any\", resource == Row::{entity})\n\
                 unless {{ ({}) || ({}) }};",
                applies.no, keeps.yes
            )
        }
        Action::Route(_) => return Err(Why::Route),
    })
}

/// What grants needs its condition true.
fn granted(head: &str, condition: &Condition) -> String {
    format!("{head}\nwhen {{ {} }};", condition.yes)
}

/// What restricts applies unless its condition is false.
fn restricted(head: &str, condition: &Condition) -> String {
    format!("{head}\nunless {{ {} }};", condition.no)
}

fn actions(of: &str, purposes: &[Name]) -> Result<String, Why> {
    let purposes = purposes.iter().map(|name| {
        let purpose: Purpose = name.node.parse().map_err(|_| Why::UnknownForm)?;
        Ok(format!("{of}::\"{purpose}\""))
    });
    let purposes: Vec<_> = purposes.collect::<Result<_, Why>>()?;
    Ok(format!("action in [{}]", purposes.join(", ")))
}

fn selected(selectors: &[Spanned<Selector>]) -> String {
    let mut text = String::new();
    for selector in selectors {
        let or = if text.is_empty() { "" } else { " || " };
        let test = match &selector.node {
            Selector::Field(path) => format!("resource == Field::{}", quoted(path)),
            Selector::Under(prefix) => format!("resource in Under::{}", quoted(prefix)),
            Selector::Tag(tag) => format!("resource in Tag::{}", quoted(tag)),
            Selector::Sensitivity(op, word) => match word.parse().map(level) {
                Ok(level) => format!("resource.sensitivity {} {level}", op.as_str()),
                Err(()) => "false".to_owned(),
            },
        };
        // Writing to a text cannot fail.
        let _ = write!(text, "{or}{test}");
    }
    text
}
