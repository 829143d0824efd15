//! What makes one identifier of the many ways to write it, and what is written where an identifier should
//! be and identifies nobody.
//!
//! A phone number becomes E.164 by the rules of the ITU alone: a country code and at most 15 digits. The
//! numbering plan of each country is left out, and with it the libraries that know them: each would bring
//! some eighty crates, several of them in a second version, for the sake of refusing numbers that nobody
//! has. What merges strangers is a number without its country, and that is refused.

use std::net::IpAddr;
use std::sync::Arc;

use super::IdentifierError;

/// Digits of an international phone number, the country code included.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Longest part of an email address before the `@`, in bytes.
const MAX_MAILBOX_BYTES: usize = 64;

/// Placeholders, in lower case and without quotes.
const JUNK: &[&str] = &[
    "",
    "-1",
    "null",
    "(null)",
    "<null>",
    "nil",
    "<nil>",
    "none",
    "undefined",
    "nan",
    "true",
    "false",
    "unknown",
    "n/a",
    "anonymous",
    "guest",
    "user",
    "id",
    "email",
    "distinct_id",
    "test",
    "[object object]",
    "00000000-0000-0000-0000-000000000000",
];

/// What stands before the `@` of addresses that nobody reads, or that a program made of nothing.
const NOBODY: &[&str] = &[
    "null",
    "nil",
    "none",
    "undefined",
    "nan",
    "anonymous",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
];

/// Where anyone has a mailbox, whatever the suffix is: `yahoo.com`, `yahoo.co.uk`.
const FREE_MAIL_NAMES: &[&str] = &["aol", "gmx", "hotmail", "outlook", "yahoo", "yandex"];

/// Where anyone has a mailbox.
const FREE_MAIL: &[&str] = &[
    "126.com",
    "163.com",
    "fastmail.com",
    "free.fr",
    "gmail.com",
    "googlemail.com",
    "hey.com",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "live.com",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "orange.fr",
    "pm.me",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rediffmail.com",
    "rocketmail.com",
    "seznam.cz",
    "t-online.de",
    "tutanota.com",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    "zoho.com",
];

/// Placeholders that clients send where an identifier should be; also quoted, in any case.
pub(super) fn is_junk(trimmed: &str) -> bool {
    let quotes_or_space = |c: char| matches!(c, '"' | '\'' | '`') || c.is_whitespace();
    let bare = trimmed.trim_matches(quotes_or_space).to_lowercase();
    JUNK.contains(&bare.as_str()) || bare.chars().all(|c| matches!(c, '0' | '-'))
}

/// In lower case, the domain in its ASCII form.
pub(super) fn email(text: &str) -> Result<Arc<str>, IdentifierError> {
    let text = text.to_lowercase();
    let (mailbox, host) = text.split_once('@').ok_or(IdentifierError::NotAnEmail)?;
    let is_sane = !mailbox.is_empty()
        && mailbox.len() <= MAX_MAILBOX_BYTES
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>'));
    let host = Some(host).filter(|_| is_sane).and_then(ascii);
    let host = host.filter(|host| host.contains('.'));
    let host = host.ok_or(IdentifierError::NotAnEmail)?;
    if NOBODY.contains(&mailbox) {
        return Err(IdentifierError::Junk);
    }
    Ok(format!("{mailbox}@{host}").into())
}

/// E.164: `+` and digits. What sets them apart for the eye goes, also the `(0)` of home.
pub(super) fn phone(text: &str) -> Result<Arc<str>, IdentifierError> {
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let text = text.replace("(0)", "");
    let international = text
        .strip_prefix('+')
        .or_else(|| text.strip_prefix("00"))
        .ok_or(IdentifierError::NotAPhone)?;
    let apart = |c: char| c.is_whitespace() || matches!(c, '-' | '.' | '/' | '(' | ')');
    let digits: String = international.chars().filter(|c| !apart(*c)).collect();
    if digits.chars().all(|c| c == '0') {
        return Err(IdentifierError::Junk);
    }
    let is_sane = PHONE_DIGITS.contains(&digits.len())
        && digits.chars().all(|c| c.is_ascii_digit())
        && !digits.starts_with('0');
    if is_sane {
        Ok(format!("+{digits}").into())
    } else {
        Err(IdentifierError::NotAPhone)
    }
}

/// The domain that was registered under a public suffix: `https://www.example.co.uk/about` is of
/// `example.co.uk`.
pub(super) fn domain(text: &str) -> Result<Arc<str>, IdentifierError> {
    let text = text.to_lowercase();
    let text = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or_default();
    let text = text.split_once(':').map_or(text, |(host, _)| host);
    let text = text.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if is_junk(text) {
        return Err(IdentifierError::Junk);
    }
    let name = ascii(text).filter(|name| name.parse::<IpAddr>().is_err());
    let name = name.ok_or(IdentifierError::NotADomain)?;
    let registered = psl::domain(name.as_bytes()).ok_or(IdentifierError::PublicSuffix)?;
    let registered =
        std::str::from_utf8(registered.as_bytes()).map_err(|_| IdentifierError::NotADomain)?;
    let own = registered.split('.').next().unwrap_or_default();
    if FREE_MAIL.contains(&registered) || FREE_MAIL_NAMES.contains(&own) {
        return Err(IdentifierError::FreeMail);
    }
    Ok(registered.into())
}

/// The ASCII form of a name of labels; `None` if it is none.
fn ascii(name: &str) -> Option<String> {
    let is_plain = |label: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.chars().all(fits) && !label.starts_with('-')
    };
    let name = idna::domain_to_ascii(name).ok()?;
    name.split('.').all(is_plain).then_some(name)
}
