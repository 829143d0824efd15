//! Signed identity: whether the end user of a request proved to be the subject.

use kith_auth::end_user::{self, IdentityToken, ProofFailure};
use kith_domain::Timestamp;
use kith_domain::id::{PersonId, WorkspaceId};
use kith_policy::{ProofMethod, SignedIdentity};
use kith_store::{Tx, identity, secrets};

use crate::admin::signing_secret;
use crate::error::EngineError;

/// What a token proved, if there was one.
pub(super) enum Proof {
    /// No token came.
    Absent,
    /// A token proved nothing, and why: for the audit alone.
    Failed(ProofFailure),
    /// A token proved an identifier, which is this person's if a server named it.
    Proven(Option<PersonId>, ProofMethod),
}

impl Proof {
    /// Whether the person is proven, and how. A token for another says nothing about them.
    pub(super) fn of(&self, person: PersonId) -> SignedIdentity {
        match self {
            Self::Proven(Some(proven), method) if *proven == person => SignedIdentity {
                proven: true,
                method: Some(*method),
            },
            _ => SignedIdentity::default(),
        }
    }

    /// What the audit says of it.
    pub(super) const fn audit_word(&self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Failed(failure) => Some(failure.as_str()),
            Self::Proven(None, _) => Some("nobody-known"),
            Self::Proven(Some(_), ProofMethod::Jwt) => Some("jwt"),
            Self::Proven(Some(_), ProofMethod::Hmac) => Some("hmac"),
        }
    }
}

/// Holds a token against the live secrets of the workspace, and finds whom it names.
pub(super) async fn verify(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    token: Option<&IdentityToken>,
    now: Timestamp,
) -> Result<Proof, EngineError> {
    let Some(token) = token else {
        return Ok(Proof::Absent);
    };
    let rows = secrets::live(tx, workspace).await?;
    let live: Vec<_> = rows.iter().filter_map(signing_secret).collect();
    let proven = match end_user::verify(&live, token, now) {
        Ok(proven) => proven,
        Err(failure) => return Ok(Proof::Failed(failure)),
    };
    let method = match proven.method {
        end_user::ProofMethod::Jwt => ProofMethod::Jwt,
        end_user::ProofMethod::Hmac => ProofMethod::Hmac,
    };
    // The user id comes first. What only a browser's key ever named identifies nobody: anyone could
    // have tied it to anyone.
    let Some(identifier) = proven.identifiers.first() else {
        return Ok(Proof::Proven(None, method));
    };
    let node = identity::find(tx, workspace, identifier).await?;
    let person = node
        .filter(|node| node.known)
        .and_then(|node| node.root?.person());
    Ok(Proof::Proven(person, method))
}
