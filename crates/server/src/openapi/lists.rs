//! What is said of lists and of search, and of one person, company or other root.

use super::schemas::object;
use super::{About, BEHALF, PURPOSE};

const SORT: (&str, &str) = (
    "sort",
    "Up to four fields by full path, the greatest first behind `-`; then by id.",
);
const LIMIT: (&str, &str) = ("limit", "At most this many rows.");
const CURSOR: (&str, &str) = ("cursor", "The `nextCursor` of the page before.");
const COUNT: (&str, &str) = ("count", "Whether all of them are to be counted.");

/// What may be filtered by, in words.
macro_rules! filter {
    ($words:literal) => {
        &[
            PURPOSE,
            BEHALF,
            (
                "filter",
                concat!(
                    "A condition of the policy language over ",
                    $words,
                    ", `user.*` and `now`."
                ),
            ),
            SORT,
            LIMIT,
            CURSOR,
            COUNT,
        ]
    };
}

pub(super) fn about(path: &str) -> Option<About> {
    let page = ["auditId", "purpose", "definitionsVersion", "decidedAt"];
    let list = |summary, parameters| About {
        summary,
        parameters,
        body: None,
        answer: object(
            &[&page[..], &["items", "withheld"]].concat(),
            &["count", "nextCursor"],
        ),
        problems: &[422],
    };
    let one = |summary, parameters, of| About {
        summary,
        parameters,
        body: None,
        answer: object(
            &[&page[..], &["allowedBecause", of, "withheld"]].concat(),
            &["accounts"],
        ),
        problems: &[404, 422],
    };
    Some(match path {
        "/v1/search" => About {
            summary: "Accounts, people and the other roots in whose shown fields every word of the question \
                begins a word.",
            parameters: &[
                (
                    "q",
                    "One to eight words; case and compatible forms of letters do not count.",
                ),
                PURPOSE,
                BEHALF,
                (
                    "kinds",
                    "What may be found, `account,person,company,subscription,conversation,site`; all if none \
                     is named.",
                ),
                LIMIT,
                CURSOR,
            ],
            body: None,
            answer: object(
                &[&page[..], &["items", "searched", "withheld"]].concat(),
                &["nextCursor"],
            ),
            problems: &[422],
        },
        "/v1/accounts" => list(
            "The accounts in view, filtered, sorted and counted by what the asker may see.",
            filter!(
                "`account.*`, what stands around it (`company.*`, `site.*`, its only `subscription.*`)"
            ),
        ),
        "/v1/people" => list(
            "The people of the accounts in view, and those of no account.",
            filter!("`person.*`, and of the only account in view `account.*` and `role.*`"),
        ),
        "/v1/companies" => list(
            "The companies behind the accounts in view, and those behind none.",
            filter!("`company.*`, and of the only account in view `account.*`"),
        ),
        "/v1/subscriptions" => list(
            "What the accounts in view pay for.",
            filter!("`subscription.*`, `account.*`, `company.*`, `site.*`"),
        ),
        "/v1/conversations" => list(
            "The conversations about the accounts in view, and those about none.",
            filter!("`conversation.*`, `account.*`, `person.*`, `company.*`, `site.*`"),
        ),
        "/v1/sites" => list(
            "The sites of the accounts in view, and those of none.",
            filter!("`site.*`, and of the only account in view `account.*`"),
        ),
        "/v1/people/{id}" => one(
            "One person.",
            &[("id", "`per_…`."), PURPOSE, BEHALF],
            "person",
        ),
        "/v1/companies/{id}" => one(
            "One company.",
            &[("id", "`com_…`."), PURPOSE, BEHALF],
            "company",
        ),
        "/v1/subscriptions/{id}" => one(
            "One subscription.",
            &[("id", "`sub_…`."), PURPOSE, BEHALF],
            "subscription",
        ),
        "/v1/sites/{id}" => one("One site.", &[("id", "`sit_…`."), PURPOSE, BEHALF], "site"),
        _ => return None,
    })
}
