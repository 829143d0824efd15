//! Definitions folders for tests: the standard one, and how to change a part of it.

use kith_domain::definitions::SourceFile;

/// A definitions folder.
#[derive(Debug, Clone)]
pub struct Folder(Vec<SourceFile>);

macro_rules! standard {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../definitions/", $path)))),*]
    };
}

impl Folder {
    /// A small catalog and policies: those of the worked policy cases, and what tests need beside
    /// them. See the files in `definitions/`.
    #[must_use]
    pub fn standard() -> Self {
        let files = standard![
            "workspace.toml",
            "fields/account.toml",
            "fields/company.toml",
            "fields/person.toml",
            "fields/role.toml",
            "fields/site.toml",
            "fields/subscription.toml",
            "events.toml",
            "policies/access.kith",
            "policies/fields.kith",
        ];
        files
            .into_iter()
            .fold(Self(Vec::new()), |folder, (path, text)| {
                folder.with(path, text)
            })
    }

    /// The standard catalog under these policies alone.
    #[must_use]
    pub fn with_policies(policies: &str) -> Self {
        Self::standard()
            .without("policies/access.kith")
            .without("policies/fields.kith")
            .with("policies/only.kith", policies)
    }

    /// With a file put in, or put in the place of the one at this path.
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.0.retain(|file| file.path != path);
        self.0.push(SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        });
        self
    }

    /// Without the file at this path.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        self.0.retain(|file| file.path != path);
        self
    }

    /// With a text of one file replaced by another.
    ///
    /// # Panics
    /// If the file does not hold the text.
    #[must_use]
    pub fn replacing(mut self, path: &str, old: &str, new: &str) -> Self {
        let file = self.0.iter_mut().find(|file| file.path == path).unwrap();
        assert!(file.text.contains(old), "`{path}` does not hold `{old}`");
        file.text = file.text.replace(old, new);
        self
    }

    /// The files.
    #[must_use]
    pub fn into_files(self) -> Vec<SourceFile> {
        self.0
    }
}
