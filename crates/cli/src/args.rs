//! The command line: what there is to call. What `--help` says below is in `help`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use kith_auth::end_user::SigningMethod;
use kith_domain::{AgentKind, Purpose, Scope};
use kith_engine::Outcome;

use crate::help;

/// Kith: one governed answer to who may see what about a customer, for which purpose, and why.
#[derive(Debug, Parser)]
#[command(
    name = "kith",
    version,
    after_help = help::MAIN,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// Settings file [default: kith.toml, if there is one]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "KITH_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON for machines instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API until stopped
    #[command(after_help = help::SERVE)]
    Serve,
    /// Make the demo workspace, show one customer as three askers see them, then serve
    #[command(after_help = help::DEMO)]
    Demo {
        /// Stop after the table
        #[arg(long)]
        once: bool,
    },
    /// Show the governed context of a customer, as the holder of a key sees it
    #[command(after_help = help::CONTEXT)]
    Context(Ask),
    /// Check policies, and explain what they decide
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Check definitions folders, and publish them
    #[command(subcommand)]
    Definitions(DefinitionsCommand),
    /// Make, list and revoke keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look into the audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copy the whole store into a new folder, while it is served
    #[command(after_help = help::BACKUP)]
    Backup {
        /// The folder to make
        folder: PathBuf,
    },
    /// Put a backup into an empty store, and hold its audit log against it
    #[command(after_help = help::RESTORE)]
    Restore {
        /// The folder that `kith backup` made
        folder: PathBuf,
    },
    /// Look for what is wrong, and say what to do; changes nothing
    #[command(after_help = help::DOCTOR)]
    Doctor,
    /// Make and list workspaces
    #[command(subcommand)]
    Workspaces(WorkspacesCommand),
    /// Add and list members, the people of the support organisation
    #[command(subcommand)]
    Members(MembersCommand),
    /// Add and list agents, the software that acts
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// Add, list and revoke the secrets that prove the identity of end users
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Export all that is held of a person, erase people, and let them in again
    #[command(subcommand)]
    People(PeopleCommand),
    /// Add and list sources that call out, such as Stripe's webhooks, and pause them
    #[command(subcommand)]
    Sources(SourcesCommand),
}

/// A question about a customer.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The key of who asks; as a variable it stays out of the list of processes
    #[arg(long, env = "KITH_KEY", hide_env_values = true)]
    pub(crate) key: String,
    /// Why: support.view, support.reply, ai.draft, …
    #[arg(long, default_value = "support.view")]
    pub(crate) purpose: Purpose,
    /// The person: per_… or TYPE:VALUE, such as userId:usr_2481
    #[arg(long, required_unless_present = "account")]
    pub(crate) person: Option<String>,
    /// The account: acc_… or TYPE:VALUE, such as groupId:ws_acme
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The member for whom an agent asks, by name or mem_…
    #[arg(long, value_name = "MEMBER")]
    pub(crate) on_behalf_of: Option<String>,
    /// Proof of the end user's identity: a JWT of your backend
    #[arg(
        long,
        env = "KITH_IDENTITY_TOKEN",
        hide_env_values = true,
        value_name = "JWT"
    )]
    pub(crate) identity_token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a definitions folder: every mistake with its place and what to do
    #[command(after_help = help::POLICY_CHECK)]
    Check {
        /// The definitions folder
        folder: PathBuf,
    },
    /// Run the cases beside the policies, and say what they leave out
    #[command(after_help = help::POLICY_TEST)]
    Test {
        /// The definitions folder
        folder: PathBuf,
    },
    /// Point out what is most likely not meant, such as statements that never do anything
    #[command(after_help = help::POLICY_LINT)]
    Lint {
        /// The definitions folder
        folder: PathBuf,
        /// Show what was accepted too, with the reasons
        #[arg(long)]
        accepted: bool,
    },
    /// Tell what a change widens and narrows, for whom, with a request that shows each widening
    #[command(after_help = help::POLICY_DIFF)]
    Diff {
        /// The definitions folder as it was
        old: PathBuf,
        /// The definitions folder as it shall be
        new: PathBuf,
    },
    /// Write the policies of a definitions folder in their one form, comments kept
    #[command(after_help = help::POLICY_FORMAT)]
    Format {
        /// The definitions folder
        folder: PathBuf,
        /// Write nothing: list the files that are not in that form
        #[arg(long)]
        check: bool,
    },
    /// Explain the state of every field for one asker and customer, or of some fields
    #[command(after_help = help::POLICY_EXPLAIN)]
    Explain {
        #[command(flatten)]
        ask: Ask,
        /// Fields to explain, such as account.privateRevenue [default: all]
        fields: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DefinitionsCommand {
    /// Check a definitions folder: every mistake with its place and what to do
    #[command(after_help = help::DEFINITIONS_CHECK)]
    Check {
        /// The definitions folder
        folder: PathBuf,
    },
    /// Publish a definitions folder as the workspace's next version
    #[command(after_help = help::DEFINITIONS_LOAD)]
    Load {
        /// The definitions folder
        folder: PathBuf,
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// Why, for those who read the history
        #[arg(long, short, default_value = "")]
        message: String,
    },
}

/// Which workspace.
#[derive(Debug, Args)]
pub(crate) struct WorkspaceArg {
    /// The workspace's name [default: the only one there is]
    #[arg(long, short, env = "KITH_WORKSPACE")]
    pub(crate) workspace: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and print it once
    #[command(after_help = help::KEYS_CREATE)]
    Create(NewKeyArgs),
    /// List keys, without their secrets
    #[command(after_help = help::KEYS_LIST)]
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// End a key at once
    #[command(after_help = help::KEYS_REVOKE)]
    Revoke {
        /// The key's id, key_…
        id: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

/// A key to make.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("holder").required(true))]
pub(crate) struct NewKeyArgs {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArg,
    /// For this member
    #[arg(long, group = "holder")]
    pub(crate) member: Option<String>,
    /// For this agent
    #[arg(long, group = "holder")]
    pub(crate) agent: Option<String>,
    /// For this source, to deliver facts, by the name that fields list in `sources`
    #[arg(long, group = "holder")]
    pub(crate) source: Option<String>,
    /// The source's key ships in browsers, so its facts are believed less
    #[arg(long, requires = "source")]
    pub(crate) public: bool,
    /// What else the key opens: onBehalfOf, write
    #[arg(long = "scope", value_parser = scope, conflicts_with = "source")]
    pub(crate) scopes: Vec<Scope>,
    /// The source that what it writes comes from, by the name that fields list in `sources` [default: api]
    #[arg(long, value_name = "SOURCE", conflicts_with = "source")]
    pub(crate) writes_as: Option<String>,
    /// What the key is for
    #[arg(long, default_value = "")]
    pub(crate) label: String,
}

fn scope(text: &str) -> Result<Scope, String> {
    let known = Scope::ALL.map(Scope::as_str);
    Scope::ALL
        .into_iter()
        .find(|scope| scope.as_str() == text)
        .ok_or_else(|| format!("expected one of {}", known.join(", ")))
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Find entries: who viewed, changed or used what, and what was refused
    #[command(after_help = help::AUDIT_SEARCH)]
    Search(SearchArgs),
    /// Print the log's newest checkpoint, to be kept where its administrator has no hand
    #[command(after_help = help::AUDIT_CHECKPOINT)]
    Checkpoint {
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// Print instead what checkpoints of this log are checked with
        #[arg(long)]
        verifier: bool,
    },
    /// Hold every entry against what was signed
    #[command(after_help = help::AUDIT_VERIFY)]
    Verify {
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// Hold it against this checkpoint too, which was kept elsewhere
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
}

/// Which audit entries.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArg,
    /// Who acted: a member's or agent's name, `operator`; or the member served, mem_…
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// About whom: per_… or acc_…
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// For which purpose
    #[arg(long)]
    pub(crate) purpose: Option<Purpose>,
    /// What became of it
    #[arg(long)]
    pub(crate) outcome: Option<OutcomeArg>,
    /// Entries in which this field left, such as account.privateRevenue
    #[arg(long)]
    pub(crate) field: Option<String>,
    /// Not before this time: 2026-01-31, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Most entries to print, the newest first
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(crate) enum OutcomeArg {
    Allowed,
    Refused,
    NotFound,
}

impl From<OutcomeArg> for Outcome {
    fn from(outcome: OutcomeArg) -> Self {
        match outcome {
            OutcomeArg::Allowed => Self::Allowed,
            OutcomeArg::Refused => Self::Refused,
            OutcomeArg::NotFound => Self::NotFound,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspacesCommand {
    /// Make a workspace
    #[command(after_help = help::WORKSPACES_CREATE)]
    Create {
        /// Its name, unique in the installation
        name: String,
    },
    /// List workspaces
    #[command(after_help = help::WORKSPACES_LIST)]
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// Add a member
    #[command(after_help = help::MEMBERS_ADD)]
    Add {
        /// Unique in the workspace
        name: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// A role, which policies ask for with user.role; give it again for another one
        #[arg(long = "role")]
        roles: Vec<String>,
        /// A team (user.teams)
        #[arg(long = "team")]
        teams: Vec<String>,
        /// A site (user.sites)
        #[arg(long = "site")]
        sites: Vec<String>,
        /// A region (user.regions)
        #[arg(long = "region")]
        regions: Vec<String>,
    },
    /// List members
    #[command(after_help = help::MEMBERS_LIST)]
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// Add an agent
    #[command(after_help = help::AGENTS_ADD)]
    Add {
        /// Unique in the workspace
        name: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// ai, api or automation
        #[arg(long, value_parser = agent_kind)]
        kind: AgentKind,
    },
    /// List agents
    #[command(after_help = help::AGENTS_LIST)]
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

fn agent_kind(text: &str) -> Result<AgentKind, String> {
    let known = AgentKind::ALL.map(AgentKind::as_str);
    AgentKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("expected one of {}", known.join(", ")))
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeopleCommand {
    /// Erase a person for good, from every table, index and quarantine
    #[command(after_help = help::PEOPLE_ERASE)]
    Erase {
        /// The person's id, per_…
        id: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// Write all that is held of a person, for the person, as JSON
    #[command(after_help = help::PEOPLE_EXPORT)]
    Export {
        /// The person's id, per_…
        id: String,
        /// The file to make [default: standard output]
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// Put up for review who are likely one; merges nobody
    #[command(after_help = help::PEOPLE_SUGGEST)]
    Suggest {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// Take in again what names an identifier whose person was erased
    #[command(after_help = help::PEOPLE_READMIT)]
    Readmit {
        /// TYPE:VALUE, such as email:ada@example.com
        identifier: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Add a secret; several may be live at once, so that they can be rotated
    #[command(after_help = help::SECRETS_ADD)]
    Add {
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// How it proves: a shared secret (hs256, hmac), or a public key (rs256, es256)
        #[arg(long)]
        method: MethodArg,
        /// The key id that tokens name in their header
        #[arg(long)]
        kid: Option<String>,
        /// File that holds the secret or the PEM public key [default: make a shared secret, print it once]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List secrets, without what is secret
    #[command(after_help = help::SECRETS_LIST)]
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// End a secret at once
    #[command(after_help = help::SECRETS_REVOKE)]
    Revoke {
        /// The secret's id, sec_…
        id: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourcesCommand {
    /// Add a source and print the path that its sender is to call
    #[command(after_help = help::SOURCES_ADD)]
    Add {
        /// Its name, as fields list it in `sources`
        name: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// Whose format it speaks: stripe, hubspot, chatwoot, intercom, zendesk, or http (Standard Webhooks)
        #[arg(long)]
        kind: String,
        /// File that holds the secret that its sender signs with
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
        /// TOML file that says where its parts go: `url`, `[fields]`, `[events]`
        #[arg(long, value_name = "FILE")]
        setup: Option<PathBuf>,
    },
    /// List sources and how they fare
    #[command(after_help = help::SOURCES_LIST)]
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// Have its sender told to come again later
    #[command(after_help = help::SOURCES_PAUSE)]
    Pause(SourceArg),
    /// Hear it again
    #[command(after_help = help::SOURCES_PAUSE)]
    Resume(SourceArg),
    /// Give it a new secret; the one before stays good until the next
    #[command(after_help = help::SOURCES_SECRET)]
    Secret {
        #[command(flatten)]
        source: SourceArg,
        /// File that holds the new secret
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
    },
    /// Remove it and its secrets; what it said stays
    #[command(after_help = help::SOURCES_PAUSE)]
    Remove(SourceArg),
}

/// Which source.
#[derive(Debug, Args)]
pub(crate) struct SourceArg {
    /// The source, by name or src_…
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MethodArg {
    Hs256,
    Rs256,
    Es256,
    Hmac,
}

impl From<MethodArg> for SigningMethod {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::Hs256 => Self::Hs256,
            MethodArg::Rs256 => Self::Rs256,
            MethodArg::Es256 => Self::Es256,
            MethodArg::Hmac => Self::HmacSha256,
        }
    }
}
