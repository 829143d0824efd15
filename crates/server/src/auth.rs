//! The actor comes from the credential. Extractors for the two ways to show one.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kith_engine::{Caller, EngineError};

use crate::App;
use crate::problem::Problem;
use crate::quota::Slot;

/// The holder of the key in `Authorization: Bearer`.
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<App> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let slot = Slot::of(parts);
        let key = bearer(parts).ok_or(EngineError::Unauthenticated)?;
        let caller = app.engine.authenticate(key).await;
        let caller = caller.inspect_err(|error| slot.note_error(error))?;
        slot.note(caller.quota());
        Ok(Self(caller))
    }
}

/// The write key that a client sent in a header, in whichever of the usual ways, if it did.
#[derive(Debug)]
pub(crate) struct HeaderWriteKey(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for HeaderWriteKey {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(basic_user(parts).or_else(|| {
            bearer(parts)
                .or_else(|| write_key(parts))
                .map(str::to_owned)
        })))
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// As Jitsu's clients send it: they take no key without a colon, so that it stands behind any word and one.
fn write_key(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get("x-write-key")?.to_str().ok()?;
    let key = value.rsplit(':').next()?;
    Some(key.trim()).filter(|key| !key.is_empty())
}

/// `Basic base64(writeKey:)`: the key is the user, the password is empty.
fn basic_user(parts: &Parts) -> Option<String> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, _) = decoded.split_once(':')?;
    (!user.is_empty()).then(|| user.to_owned())
}
