//! `POST /v1/people/{id}/erase`: erases a person for good.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use kith_domain::id::PersonId;
use kith_engine::{Erasure, Governed};

use super::journey::id_of;
use crate::App;
use crate::auth::Authenticated;
use crate::body::Faults;
use crate::problem::Problem;

/// Erases one person in view, and answers how much that was.
pub(crate) async fn erase(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Governed<Erasure>>, Problem> {
    let mut faults = Faults::default();
    let person = id_of::<PersonId>(id, &mut faults);
    let person = faults.finish(person)?;
    Ok(Json(app.engine.erase_person(&caller, person).await?))
}
