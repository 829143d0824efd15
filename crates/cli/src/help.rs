//! What `--help` says below the options: examples that run, exit codes, settings.

pub(crate) const MAIN: &str = "\
Examples:
  kith demo                               one customer, as three askers see them
  kith workspaces create acme             the first thing in an empty store
  kith definitions load ./definitions     what may be seen, by whom, and why
  kith serve                              the API, until Ctrl-C

Exit codes:
  0  done
  1  failed: the store, the network or the machine; or found: `policy diff` a widening,
     `policy lint` what nobody accepted, `policy format --check` a file in another form,
     `doctor` a problem
  2  wrong input: arguments, settings, definitions
  3  the policy refused, or there is nothing in view

Settings, in kith.toml or as variables, which stand over the file:
  store_url       KITH_STORE_URL       sqlite:FOLDER or postgres://…            [sqlite:./kith-data]
  listen          KITH_LISTEN          address and port of the server           [127.0.0.1:7600]
  metrics_listen  KITH_METRICS_LISTEN  the same for /metrics; auto, off         [auto]
  rate_limit      KITH_RATE_LIMIT      requests of a key in a minute; off       [120000]
  node            KITH_NODE            the server's name in the audit log       [main]
  log_format      KITH_LOG_FORMAT      text or json                             [text]
  log             KITH_LOG             a level, or levels by part of the code   [info]
  audit_key_file  KITH_AUDIT_KEY_FILE  the key that signs the audit log         [in the store]
  master_key_file KITH_MASTER_KEY_FILE seals secrets of sources; KITH_MASTER_KEY  [none]
  audit_checkpoint_file   KITH_AUDIT_CHECKPOINT_FILE   where a server keeps the log's checkpoints
  audit_checkpoint_url    KITH_AUDIT_CHECKPOINT_URL    and where it posts them: http://127.0.0.1:…
  audit_checkpoint_every  KITH_AUDIT_CHECKPOINT_EVERY  at most so often         [60s]

OpenTelemetry's own, as a variable alone:
  OTEL_EXPORTER_OTLP_ENDPOINT  a collector that a server sends its requests' spans to [none]";

pub(crate) const SERVE: &str = "\
Ctrl-C or SIGTERM ends it once the requests under way are answered. Several servers may share one
PostgreSQL: give each its own `node`. Prometheus finds /metrics on loopback, one port above the
API's, unless KITH_METRICS_LISTEN says otherwise: it asks for no credential.

Examples:
  kith serve
  KITH_LISTEN=127.0.0.1:8080 KITH_LOG_FORMAT=json kith serve
  KITH_STORE_URL=postgres://kith:secret@127.0.0.1/kith KITH_NODE=eu-1 kith serve";

pub(crate) const BACKUP: &str = "\
It is the store as it was at one instant, however much is read and delivered meanwhile: two SQLite
files, or a file for each table of PostgreSQL, and manifest.json with their hashes and the ends of
the audit log's streams. It holds everything, secrets and the log's key too, unless that is a file
elsewhere: keep it as you keep the store. A store of an older Kith is refused, not upgraded.

Examples:
  kith backup ./backups/2026-01-31
  KITH_STORE_URL=postgres://kith:secret@127.0.0.1/kith kith backup ./backups/2026-01-31";

pub(crate) const RESTORE: &str = "\
The store of the settings must be empty: a folder that is not there, or a database without tables.
Each file is held against its hash, and the restored audit log is read whole: no entry may be
missing, differ from its frozen form or from what was signed, or speak of more than was restored.
Else it ends with 1. A restore that fails leaves nothing behind.

Examples:
  KITH_STORE_URL=sqlite:./restored kith restore ./backups/2026-01-31
  KITH_STORE_URL=postgres://kith:secret@127.0.0.1/empty kith restore ./backups/2026-01-31";

pub(crate) const DOCTOR: &str = "\
It looks at the settings, the store, the audit log and its key, and at each workspace's definitions,
quarantine and keys. The whole log is held against what was signed, and against the checkpoints of
KITH_AUDIT_CHECKPOINT_FILE. It changes nothing. A problem ends with exit code 1, a warning does not.

Examples:
  kith doctor
  kith doctor --json";

pub(crate) const DEMO: &str = "\
It makes the workspace `kith-demo` in the store of the settings, ./kith-data if nothing is set, and
nothing outside of it. Running it again is harmless: it publishes the demo's definitions again,
makes new keys, and ends the demo's old ones.

Examples:
  kith demo
  kith demo --once
  KITH_STORE_URL=sqlite:/tmp/kith kith demo --once --json";

pub(crate) const CONTEXT: &str = "\
Every answer, refusal and miss is an entry of the audit log. A refusal ends with exit code 3.

Examples:
  export KITH_KEY=kith_member_…
  kith context --person userId:usr_2481
  kith context --person email:maya@acme.example --account groupId:ws_acme --json
  kith context --key kith_agent_… --purpose ai.draft --on-behalf-of sam --identity-token eyJ… \\
    --person userId:usr_2481 --account groupId:ws_acme";

pub(crate) const POLICY_CHECK: &str = "\
It needs no store and no settings. Mistakes end with exit code 2, warnings do not.

Examples:
  kith policy check ./definitions
  kith policy check ./definitions --json";

pub(crate) const POLICY_TEST: &str = "\
Cases stand in tests/*.toml of the folder. It needs no store and no settings. A case that fails ends
with exit code 2, and nothing can be published until it holds.

Examples:
  kith policy test ./definitions
  kith policy test ./definitions --json";

pub(crate) const POLICY_LINT: &str = "\
Each finding says what it means and what to write instead:
  unreachable           a statement that never does anything
  always-true           a clause that makes no difference
  shadowed              a statement all of which another one does
  purpose-nobody-holds  a purpose that is allowed to nobody
  sensitive-for-ai      a confidential or restricted field that a model can see whole
  hidden-from-everyone  a field that nobody can see
  unless-reversed       an `unless` that is likely to be read the other way round

To keep one as it is, say why. Above the statement:  # accept always-true: the pilot is for all
At the field:  accept = { sensitive-for-ai = \"a member reads each draft\" }

It needs no store and no settings. What is not accepted ends with exit code 1, a mistake in the
folder with 2. Nothing of it keeps definitions from being published.

Examples:
  kith policy lint ./definitions
  kith policy lint ./definitions --accepted
  kith policy lint ./definitions --json";

pub(crate) const POLICY_DIFF: &str = "\
It compares every request that there could be, whatever is asked and whatever the rows hold, and
follows states through: hiding a field can grant a purpose. Each purpose and field is, for each
asker, the same, narrower, wider, incomparable (more for some requests, less or something else for
others) or unproven (there is too much to go through, so it may be wider). Every widening comes with a
request that shows it. Ceilings, `safe_for`, look-ups and routes are compared too.

It needs no store and no settings. Exit code 0 means that nothing is wider; anything wider,
incomparable or unproven ends with exit code 1, a mistake in either folder with 2.

Examples:
  kith policy diff ./published ./definitions
  kith policy diff ./published ./definitions --json";

pub(crate) const POLICY_FORMAT: &str = "\
All files are read before one is written: a mistake in any of them ends with exit code 2 and changes
nothing. With --check, files in another form end with exit code 1.

Examples:
  kith policy format ./definitions
  kith policy format ./definitions --check";

pub(crate) const POLICY_EXPLAIN: &str = "\
It shows states and reasons, and no value. A refused purpose ends with exit code 3.

Examples:
  kith policy explain --person userId:usr_2481
  kith policy explain --person userId:usr_2481 account.privateRevenue person.phone";

pub(crate) const DEFINITIONS_CHECK: &str = "\
It needs no store and no settings. Mistakes end with exit code 2, warnings do not.

Examples:
  kith definitions check ./definitions
  kith definitions check ./definitions --json";

pub(crate) const DEFINITIONS_LOAD: &str = "\
A version is published whole or not at all. The same files again publish nothing.

Examples:
  kith definitions load ./definitions --message \"success sees contract values\"";

pub(crate) const KEYS_CREATE: &str = "\
The key's text is printed this once; the store keeps a hash of it.

Examples:
  kith keys create --member sam
  kith keys create --agent drafter --scope onBehalfOf
  kith keys create --agent importer --scope write --writes-as crm
  kith keys create --source billing --label \"production\"
  kith keys create --source web --public
  KITH_KEY=$(kith keys create --member sam --json | jq --raw-output .key)";

pub(crate) const KEYS_LIST: &str = "\
Examples:
  kith keys list
  kith keys list --json";

pub(crate) const KEYS_REVOKE: &str = "\
A running server refuses the key from its next request on.

Examples:
  kith keys revoke key_01kbf9qt3aeqz9gqb4mk2x1v6r";

pub(crate) const AUDIT_SEARCH: &str = "\
What is given must all apply. A search is itself an entry of the log.

Examples:
  kith audit search --actor sam --since 2026-01-31
  kith audit search --outcome refused --purpose ai.draft
  kith audit search --field account.privateRevenue --json";

pub(crate) const AUDIT_CHECKPOINT: &str = "\
A checkpoint is a C2SP signed note. Keep some where whoever administers this store cannot change them.
A server does so by itself: KITH_AUDIT_CHECKPOINT_FILE, KITH_AUDIT_CHECKPOINT_URL.

Examples:
  kith audit checkpoint > checkpoint-2026-11-24
  kith audit checkpoint --verifier";

pub(crate) const AUDIT_VERIFY: &str = "\
Ends with 4 if anything is not as it was signed. Without a checkpoint that was kept elsewhere, whoever
holds the log's key can rewrite it and sign it anew.
A file may hold many, one after the other: the log is held against each that is its own.

Examples:
  kith audit verify
  kith audit verify --checkpoint checkpoint-2026-11-24";

pub(crate) const WORKSPACES_CREATE: &str = "\
Examples:
  kith workspaces create acme";

pub(crate) const WORKSPACES_LIST: &str = "\
Examples:
  kith workspaces list";

pub(crate) const MEMBERS_ADD: &str = "\
Examples:
  kith members add sam --role support --region eu
  kith members add rae --role success --role revops --team emea";

pub(crate) const MEMBERS_LIST: &str = "\
Examples:
  kith members list";

pub(crate) const AGENTS_ADD: &str = "\
Examples:
  kith agents add drafter --kind ai
  kith agents add nightly --kind automation";

pub(crate) const AGENTS_LIST: &str = "\
Examples:
  kith agents list";

pub(crate) const SECRETS_ADD: &str = "\
Your backend signs who its user is; Kith holds the token against the secrets that are live.

Examples:
  kith secrets add --method hs256 --kid 2026-01
  kith secrets add --method es256 --file public.pem
  kith secrets add --method hmac --file secret.txt";

pub(crate) const SECRETS_LIST: &str = "\
Examples:
  kith secrets list";

pub(crate) const SECRETS_REVOKE: &str = "\
Examples:
  kith secrets revoke sec_01kbf9qt3aeqz9gqb4mk2x1v6r";

pub(crate) const SOURCES_ADD: &str = "\
Its secret is kept sealed under `KITH_MASTER_KEY`: 64 hexadecimal digits, of which the server needs the same.
In the file of --setup, `[fields]` leads from parts of its records to fields, and `[events]` renames what happens:
  [fields]
  \"customer.metadata.tier\" = \"account.slaTier\"

Examples:
  kith sources add billing --kind stripe --secret-file stripe.secret
  kith sources add crm --kind hubspot --secret-file hubspot.secret --setup crm.toml";

pub(crate) const SOURCES_LIST: &str = "\
Examples:
  kith sources list";

pub(crate) const SOURCES_PAUSE: &str = "\
Examples:
  kith sources pause billing
  kith sources resume billing
  kith sources remove billing";

pub(crate) const SOURCES_SECRET: &str = "\
Examples:
  kith sources secret billing --secret-file new.secret";

pub(crate) const PEOPLE_ERASE: &str = "\
Every value, event, message and conversation of the person goes, and what names the person again is not
taken in. The audit log keeps that it was done, by random ids. Backups made before still hold the person.

Examples:
  kith people erase per_01kbf9qt3aeqz9gqb4mk2x1v6r";

pub(crate) const PEOPLE_READMIT: &str = "\
Examples:
  kith people readmit email:ada@example.com";

pub(crate) const PEOPLE_EXPORT: &str = "\
Nothing is hidden in it: give it to nobody but the person. The audit log keeps that it was made.

Examples:
  kith people export per_01kbf9qt3aeqz9gqb4mk2x1v6r --file ada.json";

pub(crate) const PEOPLE_SUGGEST: &str = "\
People whose names, addresses and other texts are nearly the same wait in `GET /v1/reviews`, with the fields
that are alike. Who was put up before is not put up again.

Examples:
  kith people suggest";
