//! `POST /v1/decisions`: what the policy decides about many accounts, without any value.

use axum::Json;
use axum::extract::State;
use kith_engine::{Decisions, DecisionsRequest, Governed, MemberRef};

use crate::App;
use crate::auth::Authenticated;
use crate::body::{Faults, Part, Whole, parse};
use crate::problem::Problem;

/// Answers states and reasons account by account, after the audit entry is committed.
pub(crate) async fn decide(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Whole(body): Whole,
) -> Result<Json<Governed<Decisions>>, Problem> {
    let object = parse(&body)?;
    let mut faults = Faults::default();
    let root = Part::root(&object);
    root.only_keys(
        &mut faults,
        &["purpose", "accounts", "fields", "onBehalfOf"],
    );
    let purpose = root.required(&mut faults, "purpose");
    let accounts = root.texts(&mut faults, "accounts");
    let accounts = accounts.iter().enumerate().map(|(place, id)| {
        let id = id.parse();
        id.map_err(|error| faults.add(&format!("accounts[{place}]"), format!("{error}")))
    });
    let accounts: Vec<_> = accounts.filter_map(Result::ok).collect();
    let fields = root.texts(&mut faults, "fields");
    let on_behalf_of = root.text(&mut faults, "onBehalfOf").map(MemberRef::from);
    let request = purpose.map(|purpose| DecisionsRequest {
        purpose,
        accounts,
        fields,
        on_behalf_of,
    });
    let request = faults.finish(request)?;
    Ok(Json(app.engine.decisions(&caller, request).await?))
}
