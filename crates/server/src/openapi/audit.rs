//! What is said of the audit log's routes.

use serde_json::json;

use super::About;
use super::schemas::object;

const CHECKPOINT: &str = "/v1/audit/log/checkpoint";
const TILE: &str = "/v1/audit/log/tile/{*tile}";

/// The media type of a route's answer: the log itself is in the forms of C2SP.
pub(super) fn kind(path: &str) -> &'static str {
    match path {
        CHECKPOINT => "text/plain; charset=utf-8",
        TILE => "application/octet-stream",
        _ => "application/json",
    }
}

pub(super) fn about(path: &str) -> Option<About> {
    let about = |summary, parameters, problems, answer| About {
        summary,
        parameters,
        body: None,
        answer,
        problems,
    };
    Some(match path {
        "/v1/audit" => about(
            "Entries of the audit log, the newest first, found by what they say.",
            &[
                (
                    "actor",
                    "Who acted: `member:mem_…`, `agent:agt_…`, `operator`; or the member served, `mem_…`.",
                ),
                ("subject", "About whom: `acc_…` or `per_…`."),
                (
                    "field",
                    "A field that was shown or changed, by its full path.",
                ),
                ("purpose", "For which purpose."),
                ("outcome", "`allowed`, `refused` or `notFound`."),
                ("since", "Not before this date or time."),
                ("until", "Before this date or time."),
                ("limit", "At most this many entries."),
                ("cursor", "The `nextCursor` of the page before."),
            ],
            &[],
            object(&["auditId", "items"], &["nextCursor"]),
        ),
        CHECKPOINT => about(
            "The log's newest checkpoint: a C2SP signed note.",
            &[],
            &[404],
            json!({"type": "string"}),
        ),
        TILE => about(
            "A tile of the log's tree as C2SP tlog-tiles has it.",
            &[("tile", "`0/000`, `1/000.p/5`, `entries/x001/234`.")],
            &[404],
            json!({"type": "string", "format": "binary"}),
        ),
        "/v1/audit/log/inclusion" => about(
            "The proof that an entry is in the log (RFC 6962).",
            &[
                ("entry", "The entry's id, `aud_…`; or:"),
                ("index", "its place in the tree, from 0."),
                (
                    "size",
                    "Of the tree of so many entries [default: the newest checkpoint's].",
                ),
            ],
            &[404],
            object(
                &["auditId", "index", "size", "leafHash", "rootHash", "hashes"],
                &["checkpoint"],
            ),
        ),
        "/v1/audit/log/consistency" => about(
            "The proof that the log of then is the beginning of the log of later (RFC 6962).",
            &[
                ("from", "How many entries there were then."),
                ("to", "How many later [default: the newest checkpoint's]."),
            ],
            &[404],
            object(
                &[
                    "auditId",
                    "from",
                    "fromRootHash",
                    "to",
                    "toRootHash",
                    "hashes",
                ],
                &["checkpoint"],
            ),
        ),
        _ => return None,
    })
}
