//! Signatures as the senders' own code makes them, and every way in which one does not hold.

use kith_domain::Timestamp;

use super::{Scheme, Signed, Unsigned, is_secret, verify};

const NOON: &str = "2026-11-24T12:00:00Z";
const BODY: &str = r#"{"id":"evt_1"}"#;
const URL: &str = "https://kith.example/v1/hooks/src_1";
const SECRET: &str = "an example of a client secret";

type Headers = Vec<(&'static str, String)>;

/// Scheme, secret, headers; made by PyPI `stripe` 16 and `standardwebhooks` 1.1, the others by what the
/// senders document.
fn signed() -> Vec<(Scheme, &'static str, Headers)> {
    let own = |text: &str| text.to_owned();
    vec![
        (
            Scheme::Stripe,
            "whsec_stripe_example_secret",
            vec![(
                "stripe-signature",
                own(
                    "t=1795521600,v1=648d1ad9ded2a2dbbb4bb4840d994ec78356c8feab7a215283a08ebb9ecdf5c1",
                ),
            )],
        ),
        (
            Scheme::HubSpot,
            SECRET,
            vec![
                ("x-hubspot-request-timestamp", own("1795521600000")),
                (
                    "x-hubspot-signature-v3",
                    own("21a/86wcL/T5ciAEAyIfyWaaCmrfE4WLX1OXbt7q2FU="),
                ),
            ],
        ),
        (
            Scheme::Chatwoot,
            SECRET,
            vec![
                ("x-chatwoot-timestamp", own("1795521600")),
                (
                    "x-chatwoot-signature",
                    own("sha256=ec8d3461a9da6f1d5315ec279495b62f080acaf8dc634bfa8486475647c13896"),
                ),
            ],
        ),
        (
            Scheme::Intercom,
            SECRET,
            vec![(
                "x-hub-signature",
                own("sha1=3fc63744730ba8de32b23a3fef32c6d964880181"),
            )],
        ),
        (
            Scheme::Zendesk,
            SECRET,
            vec![
                ("x-zendesk-webhook-signature-timestamp", own(NOON)),
                (
                    "x-zendesk-webhook-signature",
                    own("aX6CRi1kfKuqDv1ObD1V1F/m1GFYs4XXO6NNIvi/i0M="),
                ),
            ],
        ),
        (
            Scheme::Standard,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            vec![
                ("webhook-id", own("msg_1")),
                ("webhook-timestamp", own("1795521600")),
                (
                    "webhook-signature",
                    own("v1,fimAhZxBewrpjB/nQxipXSWNkbEFOy/P3iQR9f3/TrE="),
                ),
            ],
        ),
    ]
}

fn check(
    scheme: Scheme,
    secrets: &[&str],
    headers: &[(&str, String)],
    body: &str,
    now: &str,
) -> Result<(), Unsigned> {
    let header = |name: &str| {
        let found = headers.iter().find(|(held, _)| *held == name);
        found.map(|(_, value)| value.as_str())
    };
    let request = Signed {
        header: &header,
        url: URL,
        body: body.as_bytes(),
    };
    verify(scheme, secrets, request, Timestamp::parse(now).unwrap())
}

#[test]
fn what_each_sender_signs_holds_for_its_secret_alone() {
    for (scheme, secret, headers) in signed() {
        let ask = |secrets: &[&str], body| check(scheme, secrets, &headers, body, NOON);
        assert_eq!(ask(&[secret], BODY), Ok(()), "{scheme:?}");
        // While a secret is replaced, two are live.
        let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
        assert_eq!(ask(&[other, secret], BODY), Ok(()), "{scheme:?}");
        assert_eq!(ask(&[other], BODY), Err(Unsigned::Wrong), "{scheme:?}");
        assert_eq!(ask(&[], BODY), Err(Unsigned::Wrong), "{scheme:?}");
        let longer = format!("{BODY} ");
        assert_eq!(ask(&[secret], &longer), Err(Unsigned::Wrong), "{scheme:?}");
    }
}

#[test]
fn a_signature_is_good_for_five_minutes_either_way() {
    for (scheme, secret, headers) in signed() {
        let ask = |now| check(scheme, &[secret], &headers, BODY, now);
        for good in ["2026-11-24T11:55:00Z", "2026-11-24T12:05:00Z"] {
            assert_eq!(ask(good), Ok(()), "{scheme:?} {good}");
        }
        let expect = match scheme {
            Scheme::Intercom => Ok(()),
            _ => Err(Unsigned::Stale),
        };
        for stale in ["2026-11-24T11:54:59Z", "2026-11-24T12:05:01Z"] {
            assert_eq!(ask(stale), expect, "{scheme:?} {stale}");
        }
    }
}

#[test]
fn a_header_that_is_missing_or_unreadable_proves_nothing() {
    for (scheme, secret, headers) in signed() {
        for place in 0..headers.len() {
            let mut without = headers.clone();
            without.remove(place);
            let seen = check(scheme, &[secret], &without, BODY, NOON);
            assert_eq!(seen, Err(Unsigned::Malformed), "{scheme:?}");
            for unreadable in ["", "=", "t=,v1=", "v1,", "é", "t=1795521600,v1=zz"] {
                let mut spoiled = headers.clone();
                spoiled[place].1 = unreadable.to_owned();
                let seen = check(scheme, &[secret], &spoiled, BODY, NOON);
                assert!(seen.is_err(), "{scheme:?} {unreadable}");
            }
        }
    }
}

#[test]
fn any_of_several_signatures_will_do() {
    let mut all = signed();
    let (_, secret, stripe) = &mut all[0];
    stripe[0].1 = stripe[0].1.replace(",v1=", ",v0=00,v1=00,v1=");
    assert_eq!(check(Scheme::Stripe, &[secret], stripe, BODY, NOON), Ok(()));
    // The older scheme of the same header is none.
    let old = [("stripe-signature", stripe[0].1.replace("v1=", "v0="))];
    let seen = check(Scheme::Stripe, &[secret], &old, BODY, NOON);
    assert_eq!(seen, Err(Unsigned::Malformed));
    let (_, secret, standard) = &mut all[5];
    standard[2].1 = format!("v1a,AAAA v1,AAAA {}", standard[2].1);
    assert_eq!(
        check(Scheme::Standard, &[secret], standard, BODY, NOON),
        Ok(())
    );
}

#[test]
fn the_vector_of_the_standard_webhooks_libraries_holds() {
    let headers = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned()),
        ("webhook-timestamp", "1614265330".to_owned()),
        (
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned(),
        ),
    ];
    for secret in [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ] {
        let body = r#"{"test": 2432232314}"#;
        let seen = check(
            Scheme::Standard,
            &[secret],
            &headers,
            body,
            "2021-02-25T15:02:10Z",
        );
        assert_eq!(seen, Ok(()));
    }
}

#[test]
fn a_short_secret_is_none() {
    assert!(is_secret(Scheme::Stripe, b"whsec_0123456789"));
    assert!(!is_secret(Scheme::Stripe, b"short"));
    assert!(is_secret(
        Scheme::Standard,
        b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    ));
    assert!(!is_secret(Scheme::Standard, b"whsec_not base 64 at all"));
}
