//! What is wrong with a filter, without repeating it: a filter holds what somebody looks for, and an
//! error may end in a log.

use std::collections::BTreeSet;

use kith_domain::{Catalog, Diagnostic, FieldType};

/// Words of the language that a mistake may name although they stand in the filter.
const LANGUAGE: &[&str] = &[
    "absent", "and", "false", "hidden", "in", "is", "masked", "not", "now", "or", "purpose",
    "true", "unless", "user", "visible", "when",
];
/// What stands where the filter would be repeated.
const LEFT_OUT: &str = "…";

/// Every mistake with its place; of what stands in backticks only what the catalog or the language has.
pub(super) fn describe(found: &[Diagnostic], filter: &str, catalog: &Catalog) -> String {
    let mut known: BTreeSet<&str> = LANGUAGE.iter().copied().collect();
    for field in catalog.fields() {
        known.extend(words(field.path.as_str()));
        if let FieldType::Enum(values) = &field.ty {
            known.extend(values.iter().flat_map(|value| words(value)));
        }
    }
    let sent: BTreeSet<&str> = words(filter).collect();
    let repeats = |quoted: &str| {
        words(quoted).any(|word| {
            let is_sent = sent.iter().any(|of| of.contains(word) || word.contains(of));
            is_sent && !known.contains(word)
        })
    };
    let without = |text: &str| -> String {
        let parts = text.split('`').enumerate().map(|(place, part)| {
            // Every other part stands between backticks.
            match place % 2 == 1 && repeats(part) {
                true => LEFT_OUT,
                false => part,
            }
        });
        parts.collect::<Vec<_>>().join("`")
    };
    let lines: Vec<_> = found
        .iter()
        .map(|found| {
            let at = format!(
                "{}:{}: {}",
                found.line,
                found.column,
                without(&found.message)
            );
            match &found.hint {
                Some(hint) => format!("{at} ({})", without(hint)),
                None => at,
            }
        })
        .collect();
    lines.join("; ")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use kith_domain::definitions::SourceFile;

    fn check(filter: &str, expect: &str) {
        let file = |path: &str, text: &str| SourceFile {
            path: path.into(),
            text: text.into(),
        };
        let plan = "[plan]\ntype = \"enum\"\nvalues = [\"trial\", \"growth\"]\nowner = \"a\"\n\
            description = \"b\"\nsensitivity = \"internal\"\n";
        let files = vec![
            file("workspace.toml", "edition = 2026"),
            file("fields/account.toml", plan),
        ];
        let (definitions, policies, _) = crate::definitions::read(files).unwrap();
        let found = policies.filter(filter).unwrap_err();
        let told = super::describe(&found, filter, &definitions.catalog);
        assert_eq!(told, expect, "{filter}");
    }

    #[test]
    fn a_mistake_is_told_without_what_was_looked_for() {
        check(
            r#"account.plan == "growht""#,
            r#"1:17: `account.plan` is never `…` (did you mean `"growth"`?)"#,
        );
        check(
            "account.pln is absent",
            "1:1: nothing is named `…` (did you mean `account.plan`?)",
        );
        check(
            "account.plan == ada@example.com",
            "1:20: `@` is not part of the language; 1:21: did not expect `…` behind the condition \
             (one condition, its tests joined with `and` and `or`, is all that stands here); \
             1:17: nothing is named `…` (a text stands in quotes: `…`)",
        );
    }
}
