//! The command line: what there is to call, with its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kith_domain::{AgentKind, Purpose, Scope};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: the store, the network or the machine
  2  wrong input: arguments, settings, definitions
  3  the policy refused, or there is nothing in view

Settings (in kith.toml, or as environment variables, which stand over it):
  store_url   KITH_STORE_URL    sqlite:FOLDER or postgres://…   [sqlite:./kith-data]
  listen      KITH_LISTEN       address and port                [127.0.0.1:7600]
  log_format  KITH_LOG_FORMAT   text or json                    [text]
  log         KITH_LOG          level or filter                 [info]";

/// Kith: one governed answer to who may see what about a customer, for which purpose, and why.
#[derive(Debug, Parser)]
#[command(name = "kith", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Settings file [default: kith.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
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
    Serve,
    /// Make the demo workspace, show one customer as three askers see them, then serve
    Demo {
        /// Stop after the table
        #[arg(long)]
        once: bool,
    },
    /// Show the governed context of a customer, as the holder of a key sees it
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
    /// Make and list workspaces
    #[command(subcommand)]
    Workspaces(WorkspacesCommand),
    /// Add and list members, the people of the support organisation
    #[command(subcommand)]
    Members(MembersCommand),
    /// Add and list agents, the software that acts
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// Secrets that prove the identity of end users
    #[command(subcommand)]
    Secrets(SecretsCommand),
}

/// A question about a customer.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The key of who asks
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
    /// Proof of the end user's identity: a JWT
    #[arg(long, env = "KITH_IDENTITY_TOKEN", hide_env_values = true, value_name = "JWT")]
    pub(crate) identity_token: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a definitions folder: every mistake with its place and what to do
    Check {
        /// The definitions folder
        folder: PathBuf,
    },
    /// Explain the state of every field for one asker and customer, or of some fields
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
    Check {
        /// The definitions folder
        folder: PathBuf,
    },
    /// Publish a definitions folder as the workspace's next version
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
    #[command(group = clap::ArgGroup::new("holder").required(true))]
    Create {
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// For this member
        #[arg(long, group = "holder")]
        member: Option<String>,
        /// For this agent
        #[arg(long, group = "holder")]
        agent: Option<String>,
        /// For this source, to deliver facts: segment, …
        #[arg(long, group = "holder")]
        source: Option<String>,
        /// The source's key ships in browsers: its facts are believed less
        #[arg(long, requires = "source")]
        public: bool,
        /// What else the key opens: onBehalfOf
        #[arg(long = "scope", value_parser = scope)]
        scopes: Vec<Scope>,
        /// What the key is for
        #[arg(long, default_value = "")]
        label: String,
    },
    /// List keys, without their secrets
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// End a key at once
    Revoke {
        /// The key's id, key_…
        id: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| {
        let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Find entries: who viewed, changed or used what, and what was refused
    Search {
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// Who acted: member:mem_…, agent:agt_…, operator
        #[arg(long)]
        actor: Option<String>,
        /// About whom: per_… or acc_…
        #[arg(long)]
        subject: Option<String>,
        /// For which purpose
        #[arg(long)]
        purpose: Option<Purpose>,
        /// What became of it
        #[arg(long)]
        outcome: Option<OutcomeArg>,
        /// Entries in which this field left
        #[arg(long)]
        field: Option<String>,
        /// Not before this time: 2026-01-31 or RFC 3339
        #[arg(long)]
        since: Option<String>,
        /// Before this time
        #[arg(long)]
        until: Option<String>,
        /// Most entries to print, the newest first
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "camelCase")]
pub(crate) enum OutcomeArg {
    Allowed,
    Refused,
    NotFound,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspacesCommand {
    /// Make a workspace
    Create {
        /// Its name, unique in the installation
        name: String,
    },
    /// List workspaces
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// Add a member
    Add {
        /// Unique in the workspace
        name: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// A role that policies ask for with user.role
        #[arg(long = "role")]
        roles: Vec<String>,
        /// A team
        #[arg(long = "team")]
        teams: Vec<String>,
        /// A site
        #[arg(long = "site")]
        sites: Vec<String>,
        /// A region
        #[arg(long = "region")]
        regions: Vec<String>,
    },
    /// List members
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// Add an agent
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
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

fn agent_kind(text: &str) -> Result<AgentKind, String> {
    AgentKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| "expected one of ai, api, automation".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Add a secret; several may be live at once, so that they can be rotated
    Add {
        #[command(flatten)]
        workspace: WorkspaceArg,
        /// How it proves: a shared secret (hs256, hmac), or a public key (rs256, es256)
        #[arg(long, value_enum)]
        method: MethodArg,
        /// The key id that tokens name in their header
        #[arg(long)]
        kid: Option<String>,
        /// File that holds the secret or the PEM public key [default: make a shared secret and print it]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List secrets, without what is secret
    List {
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
    /// End a secret at once
    Revoke {
        /// The secret's id, sec_…
        id: String,
        #[command(flatten)]
        workspace: WorkspaceArg,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MethodArg {
    Hs256,
    Rs256,
    Es256,
    Hmac,
}
