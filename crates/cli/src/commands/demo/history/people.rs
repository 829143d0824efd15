//! Names for everyone who is made up, each given once.

use fastrand::Rng;

use super::lacks;
use super::life::Account;
use super::script::Script;
use crate::failure::Failure;

/// The numbers of people begin here; the cast has those before.
const FIRST: usize = 5001;

/// A person, and what they are in their account.
pub(super) struct Person {
    pub(super) user: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: &'static str,
}

/// Names that nobody has yet.
pub(super) struct Cast<'a> {
    names: Vec<(&'a str, &'a str)>,
    given: usize,
}

impl<'a> Cast<'a> {
    pub(super) fn new(script: &'a Script) -> Self {
        let given = script.names.given.iter();
        let pairs = given.flat_map(|given| {
            let family = script.names.family.iter();
            family.map(move |family| (given.as_str(), family.as_str()))
        });
        let mut names: Vec<_> = pairs.collect();
        Rng::with_seed(script.seed).shuffle(&mut names);
        Self { names, given: 0 }
    }

    /// So many people of an account: who pays, who administers it, and the others.
    pub(super) fn take(
        &mut self,
        number: usize,
        account: &Account,
    ) -> Result<Vec<Person>, Failure> {
        let person = |place: usize| {
            let (given, family) = self.names.pop().ok_or_else(|| lacks("names of people"))?;
            self.given += 1;
            let mail = format!("{given}.{family}").to_lowercase();
            Ok(Person {
                user: format!("usr_{}", FIRST + self.given - 1),
                name: format!("{given} {family}"),
                email: format!("{mail}@{}.example", account.domain()),
                role: match place {
                    0 => "Billing owner",
                    1 => "Administrator",
                    _ => "Member",
                },
            })
        };
        (0..number).map(person).collect()
    }
}
