//! What the demo asks: one customer for three askers, and the drafts that are refused.

use kith_auth::end_user::IdentityToken;
use kith_domain::{Identifier, IdentifierType, Purpose};
use kith_engine::{
    Context, ContextRequest, Engine, EngineError, Governed, MemberRef, Refused, RootRef, SubjectRef,
};

use super::setup::{Demo, END_USER};
use crate::failure::Failure;

/// The account that the demo is about, as the product knows it.
pub(super) const ACCOUNT: &str = "ws_acme";

/// One asker's answer.
pub(super) struct View {
    /// Who asks, in a few words.
    pub(super) who: &'static str,
    /// In what capacity.
    pub(super) how: &'static str,
    pub(super) answer: Governed<Context>,
}

/// A draft that is refused.
pub(super) struct Refusal {
    pub(super) what: &'static str,
    pub(super) refused: Refused,
}

/// The same customer, asked for by three.
pub(super) async fn views(engine: &Engine, demo: &Demo) -> Result<[View; 3], Failure> {
    let ask = async |key: &str, request| -> Result<Governed<Context>, Failure> {
        let caller = engine.authenticate(key).await?;
        Ok(engine.context(&caller, request).await?)
    };
    let member = async |name| -> Result<Governed<Context>, Failure> {
        let key = demo.member_keys.get(name).map_or("", String::as_str);
        ask(key, question(Purpose::SupportView)?).await
    };
    let draft = draft(Purpose::AiDraft, "sam", &demo.token)?;
    Ok([
        View {
            who: "sam",
            how: "in support",
            answer: member("sam").await?,
        },
        View {
            who: "lea",
            how: "in leadership",
            answer: member("lea").await?,
        },
        View {
            who: "AI draft for sam",
            how: "identity signed",
            answer: ask(&demo.agent_key, draft).await?,
        },
    ])
}

/// Drafts that the policy refuses.
pub(super) async fn refusals(engine: &Engine, demo: &Demo) -> Result<[Refusal; 3], Failure> {
    let caller = engine.authenticate(&demo.agent_key).await?;
    let refuse = async |what, request| match engine.context(&caller, request).await {
        Err(EngineError::Refused(refused)) => Ok(Refusal {
            what,
            refused: *refused,
        }),
        Err(other) => Err(Failure::from(other)),
        Ok(_) => Err(Failure::machine(format!(
            "{what}: the demo's policy should refuse it"
        ))),
    };
    Ok([
        refuse(
            "a draft for rae, who may see private revenue",
            draft(Purpose::AiDraft, "rae", &demo.token)?,
        )
        .await?,
        refuse(
            "a draft for sam with a forged token",
            draft(Purpose::AiDraft, "sam", &demo.forged_token)?,
        )
        .await?,
        refuse(
            "a draft for sam with a forged hash",
            ContextRequest {
                identity_token: Some(forged_hash()),
                ..draft(Purpose::AiDraft, "sam", &demo.token)?
            },
        )
        .await?,
    ])
}

/// What an impersonator sends who has read how chat widgets sign their users, and has no secret.
fn forged_hash() -> IdentityToken {
    IdentityToken::Hmac {
        kind: IdentifierType::UserId,
        identifier: END_USER.to_owned(),
        hash: "7".repeat(64),
    }
}

fn question(purpose: Purpose) -> Result<ContextRequest, Failure> {
    let identifier = |kind, text| {
        Identifier::new(kind, text).map_err(|error| Failure::machine(error.to_string()))
    };
    let person = identifier(IdentifierType::UserId, END_USER)?;
    let account = identifier(IdentifierType::GroupId, ACCOUNT)?;
    Ok(ContextRequest {
        purpose,
        subject: SubjectRef {
            person: Some(RootRef::Identifier(person)),
            account: Some(RootRef::Identifier(account)),
        },
        on_behalf_of: None,
        identity_token: None,
    })
}

fn draft(purpose: Purpose, member: &str, token: &str) -> Result<ContextRequest, Failure> {
    Ok(ContextRequest {
        on_behalf_of: Some(MemberRef::from(member)),
        identity_token: Some(IdentityToken::Jwt(token.to_owned())),
        ..question(purpose)?
    })
}
