//! Pages for people. Those with scripts hold no data: they ask the same API as everyone else, with the
//! key that the reader types in and that is kept nowhere. [`account`] is rendered here, from governed
//! answers alone.

pub(crate) mod account;
mod reference;

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// What a page may load, and from where: itself, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Why a field is visible, masked or hidden: the page.
pub(crate) async fn explain() -> Response {
    asset("text/html; charset=utf-8", include_str!("explain.html"))
}

/// The reference of the API.
pub(crate) async fn reference() -> Response {
    static PAGE: LazyLock<String> =
        LazyLock::new(|| reference::render(&crate::openapi::document()));
    asset("text/html; charset=utf-8", PAGE.as_str())
}

/// The look of all pages: tokens first, of which all else is made.
pub(crate) async fn style() -> Response {
    asset(
        "text/css; charset=utf-8",
        concat!(
            include_str!("tokens.css"),
            include_str!("kith.css"),
            include_str!("account/account.css")
        ),
    )
}

/// What the explain page does.
pub(crate) async fn explain_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("explain.js"))
}

fn asset(content_type: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
