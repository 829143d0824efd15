//! What the form asks.

use kith_auth::end_user::IdentityToken;
use kith_domain::Purpose;
use kith_domain::id::{AccountId, PersonId};
use kith_engine::{ContextRequest, Engine, EngineError, RootRef, SubjectRef};
use serde::{Deserialize, Serialize};

use crate::body::{Faults, Query};
use crate::problem::Problem;

/// The inputs of the form.
const INPUTS: [&str; 6] = [
    "key",
    "identityToken",
    "ticket",
    "purpose",
    "viewAs",
    "person",
];
/// What stands for nobody in particular.
pub(super) const EVERYONE: &str = "everyone";

/// A question about an account, and who asks.
pub(super) struct Ask {
    pub(super) account: AccountId,
    pub(super) person: Option<PersonId>,
    pub(super) purpose: Purpose,
    /// The role as which a member looks.
    pub(super) view_as: Option<String>,
    pub(super) secrets: Secrets,
    /// The secrets, for the next question.
    pub(super) ticket: String,
}

/// What a ticket holds. No page and no log does.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) key: String,
    pub(super) token: Option<String>,
}

impl Ask {
    pub(super) fn read(
        engine: &Engine,
        id: &str,
        query: &str,
        body: &[u8],
    ) -> Result<Self, Problem> {
        let mut faults = Faults::default();
        let body = std::str::from_utf8(body).unwrap_or("not a form");
        let form = Query::read(body, &mut faults, &INPUTS);
        let query = Query::read(query, &mut faults, &["person"]);
        let account = id
            .parse()
            .map_err(|error| faults.add("id", format!("{error}")))
            .ok();
        let person = match form.text("person").or_else(|| query.text("person")) {
            None | Some(EVERYONE) => Some(None),
            Some(id) => id
                .parse()
                .map_err(|error| faults.add("person", format!("{error}")))
                .ok()
                .map(Some),
        };
        let purpose = match form.text("purpose") {
            None => Some(Purpose::SupportView),
            Some(_) => form.required(&mut faults, "purpose"),
        };
        let read = account.zip(person).zip(purpose);
        let ((account, person), purpose) = faults.finish(read)?;
        let secrets = Self::secrets(engine, &form).ok_or(EngineError::Unauthenticated)?;
        let sealed = serde_json::to_string(&secrets).ok();
        let ticket = sealed.and_then(|sealed| engine.seal_ticket(&sealed));
        Ok(Self {
            account,
            person,
            purpose,
            view_as: form.text("viewAs").map(str::to_owned),
            secrets,
            ticket: ticket.ok_or(EngineError::Unauthenticated)?,
        })
    }

    fn secrets(engine: &Engine, form: &Query) -> Option<Secrets> {
        if let Some(key) = form.text("key") {
            return Some(Secrets {
                key: key.trim().to_owned(),
                token: form
                    .text("identityToken")
                    .map(|token| token.trim().to_owned()),
            });
        }
        let sealed = engine.open_ticket(form.text("ticket")?)?;
        serde_json::from_str(&sealed).ok()
    }

    /// The same question for a purpose.
    pub(super) fn context(&self, purpose: Purpose) -> ContextRequest {
        ContextRequest {
            purpose,
            subject: SubjectRef {
                person: self.person.map(RootRef::Id),
                account: Some(RootRef::Id(self.account)),
            },
            on_behalf_of: None,
            identity_token: self.secrets.token.clone().map(IdentityToken::Jwt),
        }
    }
}
