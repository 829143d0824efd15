//! The active account on one page, rendered here, with no script at all: who it is, what the policy
//! decides, every field with its source and age, what is withheld and why, and what happened.
//!
//! `GET` answers the same form to everyone. `POST` takes the reader's key from that form, asks the engine
//! as anyone with this key may, and renders the governed answers. The key comes back in no page: what a
//! page carries to ask again is a ticket, which this process alone opens, for an hour.

mod ask;
mod chips;
mod parts;
mod view;
mod words;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;

use self::ask::Ask;
use crate::App;
use crate::body::Whole;
use crate::problem::Problem;

/// What these pages may load: a style sheet of this server, and nothing else; no script whatever.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The form, the same for everyone.
pub(crate) async fn form() -> Response {
    page(StatusCode::OK, view::form(None))
}

/// The account, as whoever holds the key in the form may see it.
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Response {
    if !is_from_here(&headers) {
        let problem = Problem::new(
            "urn:kith:problem:forbidden",
            StatusCode::FORBIDDEN,
            "the form was not sent by a page of this server",
        );
        let problem = problem.with_detail("open the page here, and send its own form");
        return page(StatusCode::FORBIDDEN, view::form(Some(&problem)));
    }
    let query = query.unwrap_or_default();
    let ask = match Ask::read(&app.engine, &id, &query, &body) {
        Ok(ask) => ask,
        Err(problem) => return page(problem.status(), view::form(Some(&problem))),
    };
    match view::gather(&app.engine, &ask).await {
        Ok(seen) => page(StatusCode::OK, view::account(&ask, &seen)),
        // Without a good key there is nothing to switch.
        Err((problem, None)) => page(problem.status(), view::form(Some(&problem))),
        Err((problem, Some(switch))) => {
            page(problem.status(), view::refused(&ask, &switch, &problem))
        }
    }
}

/// Whether a page of this very server sent the form. Nothing that a browser sends by itself opens
/// anything here; this keeps others from having it ask in someone's name all the same.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text("origin").and_then(|origin| origin.split_once("://"));
    let host = text(header::HOST.as_str());
    origin.map(|(_, host)| host) == host && host.is_some()
}

fn page(status: StatusCode, markup: Markup) -> Response {
    let mut response = (status, markup.into_string()).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer`, browsers would hide where the form comes from.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_of_this_server_are_taken() {
        let check = |headers: &[(&'static str, &'static str)], expect: bool| {
            let map = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_from_here(&map), expect, "{headers:?}");
        };
        let host = ("host", "kith.example:7600");
        check(&[host, ("sec-fetch-site", "same-origin")], true);
        check(&[host, ("origin", "https://kith.example:7600")], true);
        check(&[host, ("sec-fetch-site", "cross-site")], false);
        check(&[host, ("sec-fetch-site", "same-site")], false);
        check(&[host, ("sec-fetch-site", "none")], false);
        check(&[host, ("origin", "https://evil.example")], false);
        check(&[host, ("origin", "null")], false);
        check(&[host], false);
        check(&[], false);
        // What a browser says of itself counts more than what can be set.
        check(
            &[
                host,
                ("origin", "https://kith.example:7600"),
                ("sec-fetch-site", "cross-site"),
            ],
            false,
        );
    }
}
