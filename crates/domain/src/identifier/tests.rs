//! What identifiers become, and what is none.

use super::*;

/// `Ok` of what it becomes, `Err` of why it is none.
fn check(kind: IdentifierType, cases: &[(&str, Result<&str, IdentifierError>)]) {
    for (text, expect) in cases {
        let got = Identifier::new(kind, text);
        let got = got.as_ref().map(Identifier::value).map_err(|error| *error);
        assert_eq!(got, *expect, "{kind} {text:?}");
        // What was normalised stays as it is.
        if let Ok(value) = got {
            assert_eq!(Identifier::new(kind, value).unwrap().value(), value);
        }
    }
}

#[test]
fn placeholders_identify_nobody() {
    const PLACEHOLDERS: [&str; 27] = [
        "",
        "  ",
        "0",
        "000-000",
        "--",
        "-1",
        "NULL",
        "(null)",
        "nil",
        "<nil>",
        "None",
        "undefined",
        "NaN",
        "true",
        "False",
        "Anonymous",
        "Guest ",
        "user",
        "id",
        "email",
        "distinct_id",
        "TEST",
        "n/a",
        "unknown",
        "[object Object]",
        "00000000-0000-0000-0000-000000000000",
        "\u{a0}null\u{a0}",
    ];
    for kind in IdentifierType::ALL {
        for junk in PLACEHOLDERS {
            for quoted in [
                junk.to_owned(),
                format!("\"{junk}\""),
                format!(" '` {junk} `'"),
            ] {
                let got = Identifier::new(*kind, &quoted);
                assert_eq!(got, Err(IdentifierError::Junk), "{kind} {quoted:?}");
            }
        }
    }
    check(
        IdentifierType::UserId,
        &[
            ("10", Ok("10")),
            ("nullable", Ok("nullable")),
            (" Ada ", Ok("Ada")),
            ("test-1", Ok("test-1")),
            ("a\0b", Err(IdentifierError::ControlCharacter)),
        ],
    );
}

#[test]
fn an_email_is_written_in_one_way() {
    use IdentifierError::{Junk, NotAnEmail};
    check(
        IdentifierType::Email,
        &[
            (" Ada@Example.COM ", Ok("ada@example.com")),
            ("ada+news@example.com", Ok("ada+news@example.com")),
            ("ada@Bücher.example", Ok("ada@xn--bcher-kva.example")),
            ("ada@xn--bcher-kva.example", Ok("ada@xn--bcher-kva.example")),
            ("o'hara@example.com", Ok("o'hara@example.com")),
            ("ada", Err(NotAnEmail)),
            ("@example.com", Err(NotAnEmail)),
            ("ada@", Err(NotAnEmail)),
            ("a@b@c.example", Err(NotAnEmail)),
            ("a b@example.com", Err(NotAnEmail)),
            ("ada@localhost", Err(NotAnEmail)),
            ("ada@.example", Err(NotAnEmail)),
            ("ada@example..com", Err(NotAnEmail)),
            ("Ada <ada@example.com>", Err(NotAnEmail)),
            ("ada@example.com,bob@example.com", Err(NotAnEmail)),
            ("noreply@example.com", Err(Junk)),
            ("No-Reply@example.com", Err(Junk)),
            ("undefined@example.com", Err(Junk)),
        ],
    );
    let long = format!("{}@example.com", "a".repeat(65));
    check(IdentifierType::Email, &[(&long, Err(NotAnEmail))]);
}

#[test]
fn a_phone_number_is_written_with_its_country() {
    use IdentifierError::{Junk, NotAPhone};
    check(
        IdentifierType::Phone,
        &[
            ("+49 30 5550100", Ok("+49305550100")),
            ("0049 (0)30 / 555-0100", Ok("+49305550100")),
            ("tel:+1-202-555-0100", Ok("+12025550100")),
            ("+1 (202) 555.0100", Ok("+12025550100")),
            // The same digits are somebody else's in each country.
            ("030 5550100", Err(NotAPhone)),
            ("2025550100", Err(NotAPhone)),
            ("+0 30 5550100", Err(NotAPhone)),
            ("+49 30", Err(NotAPhone)),
            ("+49 30 5550100 5550100", Err(NotAPhone)),
            ("+49 30 KITH", Err(NotAPhone)),
            ("+", Err(Junk)),
            ("+00 000 0000", Err(Junk)),
        ],
    );
}

#[test]
fn a_domain_is_the_one_that_was_registered() {
    use IdentifierError::{FreeMail, Junk, NotADomain, PublicSuffix};
    check(
        IdentifierType::Domain,
        &[
            ("Example.COM.", Ok("example.com")),
            (
                "https://www.example.co.uk:8080/about?x=1#y",
                Ok("example.co.uk"),
            ),
            ("eu.mail.example.com", Ok("example.com")),
            ("bücher.example", Ok("xn--bcher-kva.example")),
            // Anyone registers a name under some domains that are no top-level ones.
            ("acme.github.io", Ok("acme.github.io")),
            ("github.io", Err(PublicSuffix)),
            ("co.uk", Err(PublicSuffix)),
            ("com", Err(PublicSuffix)),
            ("localhost", Err(PublicSuffix)),
            ("gmail.com", Err(FreeMail)),
            ("mail.yahoo.co.uk", Err(FreeMail)),
            ("GMX.de", Err(FreeMail)),
            ("10.0.0.1", Err(NotADomain)),
            ("exa mple.com", Err(NotADomain)),
            ("a..com", Err(NotADomain)),
            (".", Err(Junk)),
            (". .", Err(Junk)),
            ("null.", Err(Junk)),
            ("0.", Err(Junk)),
        ],
    );
}

#[test]
fn nothing_is_longer_than_an_identifier_may_be() {
    for kind in IdentifierType::ALL {
        let long = "a".repeat(MAX_IDENTIFIER_BYTES + 1);
        assert_eq!(Identifier::new(*kind, &long), Err(IdentifierError::TooLong));
        // What is short enough before it is made lower case may not be after.
        let grows = "İ".repeat(MAX_IDENTIFIER_BYTES / 2);
        if let Ok(identifier) = Identifier::new(*kind, &grows) {
            assert!(identifier.value().len() <= MAX_IDENTIFIER_BYTES);
        }
    }
}

#[test]
fn debug_output_hides_the_value() {
    let user = Identifier::new(IdentifierType::UserId, "usr_2481").unwrap();
    assert_eq!(format!("{user:?}"), "userId:…");
}

#[test]
fn a_root_may_have_one_key_of_the_product_and_a_few_of_the_rest() {
    let limits = IdentifierType::ALL
        .iter()
        .map(|kind| (kind.as_str(), kind.limit()));
    let limits: Vec<_> = limits.collect();
    assert_eq!(
        limits,
        [
            ("userId", 1),
            ("email", 5),
            ("contactId", 20),
            ("phone", 5),
            ("deviceId", 20),
            ("anonymousId", 100),
            ("groupId", 1),
            ("stripeCustomer", 5),
            ("companyId", 5),
            ("domain", 20),
            ("subscriptionId", 1),
            ("conversationId", 1),
            ("siteKey", 1),
        ]
    );
}
