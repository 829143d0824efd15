//! The demo's files, inside the binary, so that it runs from anywhere.

use kith_domain::definitions::SourceFile;

macro_rules! definitions {
    ($($path:literal,)*) => {
        const DEFINITIONS: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../../../../../demo/definitions/", $path))),)*
        ];
    };
}

definitions! {
    "events.toml",
    "fields/account.toml",
    "fields/conversation.toml",
    "fields/person.toml",
    "fields/role.toml",
    "fields/site.toml",
    "policies/administration.kith",
    "policies/ai.kith",
    "policies/reporting.kith",
    "policies/revenue.kith",
    "policies/routing.kith",
    "policies/support.kith",
    "tests/ai.toml",
    "tests/cast.toml",
    "tests/revenue.toml",
    "tests/support.toml",
    "tests/workspace.toml",
    "workspace.toml",
}

/// What the demo's sources send of its cast, one message a line.
pub(super) const EVENTS: &str = include_str!("../../../../../demo/events.ndjson");

/// What they and the support desk wrote each other, and the business units that they belong to, one record a
/// line.
pub(super) const DESK: &str = include_str!("../../../../../demo/desk.ndjson");

/// The lives of all the others.
pub(super) const HISTORY: &str = include_str!("../../../../../demo/history.toml");

/// The demo's definitions folder.
pub(super) fn definitions() -> Vec<SourceFile> {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    };
    DEFINITIONS.iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::commands::folder;

    #[test]
    fn the_binary_holds_the_whole_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/definitions");
        let mut on_disk = folder::read(&folder).unwrap();
        on_disk.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(definitions(), on_disk);
    }
}
