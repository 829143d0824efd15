//! What the demo's support desk and CRM say of conversations and business units, in a form of the demo's own:
//! a JSON array of records, through the door that anyone's facts come through.

use kith_domain::fact::{
    Author, Decoder, Delivery, Fact, FactKind, MalformedBody, Message, Related,
};
use kith_domain::{Identifier, IdentifierType, Relation, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The form.
#[derive(Debug)]
pub(super) struct Desk;

/// One record: of a business unit, of the one that an account belongs to, of a conversation, or what somebody
/// wrote in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Record {
    message_id: String,
    at: String,
    site: Option<String>,
    conversation: Option<String>,
    account: Option<String>,
    person: Option<String>,
    /// `person` or `member`, of what was written.
    author: Option<String>,
    #[serde(default)]
    note: bool,
    #[serde(default)]
    fields: Map<String, Json>,
}

impl Decoder for Desk {
    fn decode(&self, body: &[u8], received_at: Timestamp) -> Result<Delivery, MalformedBody> {
        let malformed = |detail: String| MalformedBody { detail };
        let records: Vec<Record> =
            serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
        let messages = records.into_iter().map(|record| {
            let message_id = record.message_id.clone();
            let fact = record.fact(received_at);
            let fact = fact.ok_or_else(|| malformed(format!("`{message_id}` is no record")))?;
            Ok(Message {
                original: message_id.clone().into_bytes(),
                identifiers: Vec::new(),
                message_id: Some(message_id),
                fact: Ok(fact),
            })
        });
        Ok(Delivery {
            write_key: None,
            messages: messages.collect::<Result<_, _>>()?,
        })
    }
}

impl Record {
    fn fact(self, received_at: Timestamp) -> Option<Fact> {
        let named = |kind, value: Option<&String>| match value {
            Some(value) => Identifier::new(kind, value).ok().map(Some),
            None => Some(None),
        };
        let site = named(IdentifierType::SiteKey, self.site.as_ref())?;
        let conversation = named(IdentifierType::ConversationId, self.conversation.as_ref())?;
        let account = named(IdentifierType::GroupId, self.account.as_ref())?;
        let person = named(IdentifierType::UserId, self.person.as_ref())?;
        let related = |relation, to: Option<Identifier>| {
            to.map(|to| Related {
                relation,
                to: Some(to),
            })
        };
        let mut fact = Fact {
            message_id: self.message_id,
            kind: FactKind::Describe,
            person: Vec::new(),
            account: Vec::new(),
            subject: Vec::new(),
            relations: Vec::new(),
            data: self.fields,
            observed_at: Timestamp::parse(&self.at)?.min(received_at),
            faults: Vec::new(),
        };
        match (conversation, site) {
            (Some(conversation), None) => {
                fact.subject = vec![conversation];
                if let Some(author) = self.author {
                    fact.kind = FactKind::Message {
                        author: author.parse::<Author>().ok()?,
                        is_note: self.note,
                    };
                    fact.person.extend(person);
                } else {
                    let about = related(Relation::ConversationAccount, account);
                    let with = related(Relation::ConversationPerson, person);
                    fact.relations.extend(about.into_iter().chain(with));
                }
            }
            (None, Some(site)) => match account {
                Some(account) => {
                    fact.kind = FactKind::Group;
                    fact.account = vec![account];
                    fact.relations
                        .extend(related(Relation::AccountSite, Some(site)));
                }
                None => fact.subject = vec![site],
            },
            _ => return None,
        }
        Some(fact)
    }
}
