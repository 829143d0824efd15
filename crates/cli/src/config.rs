//! Settings: `kith.toml`, then `KITH_*` over it. All mistakes are reported at once, and none of them
//! repeats a value, which may be a password.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kith_domain::diagnostic::{line_and_column, nearest};
use kith_engine::MasterKey;
use kith_engine::delivery::Places;
use kith_store::StoreUrl;
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::COMMAND_NODE;

/// What the program runs with.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where the data is.
    pub(crate) store: StoreUrl,
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// Where operators scrape what the server measures.
    pub(crate) metrics_listen: MetricsListen,
    /// Requests that a key may make in a minute; `None` is as many as it likes.
    pub(crate) rate_limit: Option<NonZeroU32>,
    /// The name of this server in the audit log, unique among those that share a store.
    pub(crate) node: String,
    /// The file with the key that signs the audit log, if it is not kept in the store.
    pub(crate) audit_key_file: Option<PathBuf>,
    /// The key that seals the secrets of sources, if there is one.
    pub(crate) master_key: Option<Arc<MasterKey>>,
    /// Where the audit log's checkpoints go while a server runs.
    pub(crate) audit_checkpoints: Places,
    /// How logs are written.
    pub(crate) log_format: LogFormat,
    /// What is logged.
    pub(crate) log: Targets,
}

/// Where `/metrics` is. It asks for no credential, so by default it is this machine's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricsListen {
    /// On loopback, at the port above the API's, if that is free.
    Beside,
    /// Here, or the server does not start.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// One setting.
struct Setting {
    key: &'static str,
    variable: &'static str,
    default: &'static str,
}

const fn setting(key: &'static str, variable: &'static str, default: &'static str) -> Setting {
    Setting {
        key,
        variable,
        default,
    }
}

const STORE_URL: Setting = setting("store_url", "KITH_STORE_URL", "sqlite:./kith-data");
const LISTEN: Setting = setting("listen", "KITH_LISTEN", "127.0.0.1:7600");
const METRICS_LISTEN: Setting = setting("metrics_listen", "KITH_METRICS_LISTEN", "auto");
const RATE_LIMIT: Setting = setting("rate_limit", "KITH_RATE_LIMIT", "120000");
const NODE: Setting = setting("node", "KITH_NODE", "main");
const AUDIT_KEY_FILE: Setting = setting("audit_key_file", "KITH_AUDIT_KEY_FILE", "");
const MASTER_KEY_FILE: Setting = setting("master_key_file", "KITH_MASTER_KEY_FILE", "");
/// The key itself, which stands in no file of settings.
const MASTER_KEY: &str = "KITH_MASTER_KEY";
const CHECKPOINT_FILE: Setting = setting("audit_checkpoint_file", "KITH_AUDIT_CHECKPOINT_FILE", "");
const CHECKPOINT_URL: Setting = setting("audit_checkpoint_url", "KITH_AUDIT_CHECKPOINT_URL", "");
const CHECKPOINT_EVERY: Setting = setting(
    "audit_checkpoint_every",
    "KITH_AUDIT_CHECKPOINT_EVERY",
    "60s",
);
const LOG_FORMAT: Setting = setting("log_format", "KITH_LOG_FORMAT", "text");
const LOG: Setting = setting("log", "KITH_LOG", "info");
const SETTINGS: [&Setting; 12] = [
    &STORE_URL,
    &LISTEN,
    &METRICS_LISTEN,
    &RATE_LIMIT,
    &NODE,
    &AUDIT_KEY_FILE,
    &MASTER_KEY_FILE,
    &CHECKPOINT_FILE,
    &CHECKPOINT_URL,
    &CHECKPOINT_EVERY,
    &LOG_FORMAT,
    &LOG,
];
/// Variables that are arguments of commands, no settings.
const OTHER_VARIABLES: [&str; 5] = [
    "KITH_CONFIG",
    "KITH_KEY",
    "KITH_IDENTITY_TOKEN",
    MASTER_KEY,
    "KITH_WORKSPACE",
];
const DEFAULT_FILE: &str = "kith.toml";

impl Config {
    /// Reads the file, if there is one, and the environment over it.
    ///
    /// # Errors
    /// Every mistake, each with where it is and what to do.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Vec<String>> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(vec![format!("`{name}` cannot be read: {error}")]),
        };
        // What is no text cannot be a name or a value that is known here.
        let env = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let value = value.to_string_lossy().into_owned();
            name.starts_with("KITH_").then_some((name, value))
        });
        Reading::new(&name, &text, env.collect()).config()
    }
}

/// The file and the environment, and what is wrong with them.
struct Reading {
    file: String,
    table: toml::Table,
    env: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl Reading {
    fn new(file: &str, text: &str, env: BTreeMap<String, String>) -> Self {
        let mut wrong = Vec::new();
        let table = toml::from_str(text).unwrap_or_else(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = line_and_column(text, at);
            let message = error.message();
            wrong.push(format!(
                "`{file}`:{line}:{column}: not valid TOML: {message}"
            ));
            toml::Table::new()
        });
        let mut reading = Self {
            file: file.to_owned(),
            table,
            env,
            wrong,
        };
        reading.find_unknown();
        reading
    }

    /// A misspelt setting must not be passed over in silence. Variables that look like none of ours
    /// are let be: container platforms set `KITH_PORT` and the like for a service of that name.
    fn find_unknown(&mut self) {
        let keys = SETTINGS.map(|setting| setting.key);
        for key in self
            .table
            .keys()
            .filter(|key| !keys.contains(&key.as_str()))
        {
            let hint = match nearest(key, keys) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("known are {}", keys.join(", ")),
            };
            self.wrong
                .push(format!("`{}`: unknown setting `{key}`: {hint}", self.file));
        }
        let variables = SETTINGS.map(|setting| setting.variable);
        let known = || variables.into_iter().chain(OTHER_VARIABLES);
        for name in self
            .env
            .keys()
            .filter(|name| known().all(|one| one != *name))
        {
            let short = |name: &'static str| name.trim_start_matches("KITH_");
            let close = nearest(name.trim_start_matches("KITH_"), known().map(short));
            if let Some(close) = close {
                self.wrong.push(format!(
                    "unknown variable `{name}`: did you mean `KITH_{close}`?"
                ));
            }
        }
    }

    /// The text of a setting, as something of a type; `None` if it is wrong, which is noted.
    fn read<T>(
        &mut self,
        setting: &Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Setting {
            key,
            variable,
            default,
        } = setting;
        let (place, text) = match (self.env.get(*variable), self.table.get(*key)) {
            (Some(text), _) => (format!("`{variable}`"), text.clone()),
            (None, Some(toml::Value::String(text))) => {
                (format!("`{}`: `{key}`", self.file), text.clone())
            }
            (None, Some(_)) => {
                self.wrong
                    .push(format!("`{}`: `{key}` must be a text in quotes", self.file));
                return None;
            }
            (None, None) => (format!("`{key}`"), (*default).to_owned()),
        };
        parse(&text)
            .map_err(|what| self.wrong.push(format!("{place}: {what}")))
            .ok()
    }

    fn config(mut self) -> Result<Config, Vec<String>> {
        let store = self.read(&STORE_URL, |text| {
            text.parse()
                .map_err(|error: kith_store::StoreError| error.to_string())
        });
        let listen = self.read(&LISTEN, |text| {
            let expected = "expected an address and a port, such as `127.0.0.1:7600`";
            text.parse().map_err(|_| expected.to_owned())
        });
        let metrics_listen = self.read(&METRICS_LISTEN, |text| match text {
            "auto" => Ok(MetricsListen::Beside),
            "off" => Ok(MetricsListen::Off),
            _ => text.parse().map(MetricsListen::At).map_err(|_| {
                "expected `auto`, `off`, or an address and a port, such as `127.0.0.1:7601`"
                    .to_owned()
            }),
        });
        let rate_limit = self.read(&RATE_LIMIT, |text| match text {
            "off" => Ok(None),
            _ => text.parse().map(Some).map_err(|_| {
                "expected `off`, or a whole number in quotes: requests in a minute for each key"
                    .to_owned()
            }),
        });
        let node = self.read(&NODE, |text| {
            let of_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            match text {
                COMMAND_NODE => Err(format!(
                    "`{COMMAND_NODE}` is the name of commands beside a server: choose another one"
                )),
                _ if (1..=63).contains(&text.len()) && text.bytes().all(of_name) => {
                    Ok(text.to_owned())
                }
                _ => Err("expected 1 to 63 small letters, digits and `-`".to_owned()),
            }
        });
        let audit_key_file = self.read(&AUDIT_KEY_FILE, path);
        let master_key = self.master_key();
        let audit_checkpoints = self.places();
        let log_format = self.read(&LOG_FORMAT, |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("expected `text` or `json`".to_owned()),
        });
        let log = self.read(&LOG, log_levels);
        match (
            store,
            listen,
            metrics_listen,
            rate_limit,
            node,
            audit_key_file,
            master_key,
            audit_checkpoints,
            log_format,
            log,
        ) {
            (
                Some(store),
                Some(listen),
                Some(metrics_listen),
                Some(rate_limit),
                Some(node),
                Some(audit_key_file),
                Some(master_key),
                Some(audit_checkpoints),
                Some(log_format),
                Some(log),
            ) if self.wrong.is_empty() => Ok(Config {
                store,
                listen,
                metrics_listen,
                rate_limit,
                node,
                audit_key_file,
                master_key,
                audit_checkpoints,
                log_format,
                log,
            }),
            _ => Err(self.wrong),
        }
    }

    /// The key in its variable, or else in its file.
    fn master_key(&mut self) -> Option<Option<Arc<MasterKey>>> {
        let file = self.read(&MASTER_KEY_FILE, path)?;
        let (name, text) = match (self.env.get(MASTER_KEY), file) {
            (Some(text), _) if !text.is_empty() => (MASTER_KEY.to_owned(), Ok(text.clone())),
            (_, None) => return Some(None),
            (_, Some(file)) => (file.display().to_string(), std::fs::read_to_string(file)),
        };
        let key = text.map(|text| MasterKey::from_hex(&text));
        let wrong = match key {
            Ok(Some(key)) => return Some(Some(Arc::new(key))),
            Ok(None) => {
                "expected 64 hexadecimal digits, as `openssl rand -hex 32` prints".to_owned()
            }
            Err(error) => format!("cannot be read: {error}"),
        };
        self.wrong.push(format!("`{name}`: {wrong}"));
        None
    }

    fn places(&mut self) -> Option<Places> {
        let file = self.read(&CHECKPOINT_FILE, path);
        let url = self.read(&CHECKPOINT_URL, |text| match text {
            "" => Ok(None),
            _ => text.parse().map(Some).map_err(str::to_owned),
        });
        let every = self.read(&CHECKPOINT_EVERY, duration);
        Some(Places {
            file: file?,
            url: url?,
            every: every?,
        })
    }
}

/// A file's name; none if it is empty.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a setting is read by what may find it wrong"
)]
fn path(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

/// `30s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = text.char_indices().next_back().and_then(|(end, unit)| {
        let number: u64 = text.get(..end)?.parse().ok()?;
        let unit = match unit {
            's' => 1,
            'm' => MINUTE,
            'h' => HOUR,
            _ => return None,
        };
        number.checked_mul(unit)
    });
    let seconds = seconds.filter(|seconds| (1..=DAY).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "expected `1s` to `24h`, such as `30s`, `5m` or `1h`".to_owned())
}

/// `info`, or `kith_engine=debug,info`. A lone word that is no level would name a part of the code
/// to `tracing`, and silence all others.
fn log_levels(text: &str) -> Result<Targets, String> {
    let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let of_part = |part: &str| match part.rsplit_once('=') {
        Some((target, level)) => !target.trim().is_empty() && is_level(level),
        None => is_level(part),
    };
    let parsed = text.parse().ok().filter(|_| text.split(',').all(of_part));
    parsed.ok_or_else(|| {
        "expected `error`, `warn`, `info`, `debug`, `trace` or `off`, or levels by part of the code, such as `kith_engine=debug,info`"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Reading::new("kith.toml", text, env.collect()).config()
    }

    #[test]
    fn nothing_set_is_the_embedded_store_on_loopback() {
        let config = read("", &[]).unwrap();
        assert_eq!(config.store.to_string(), "sqlite:./kith-data");
        assert_eq!(config.listen.to_string(), "127.0.0.1:7600");
        assert_eq!(config.metrics_listen, MetricsListen::Beside);
        assert_eq!(config.rate_limit.map(NonZeroU32::get), Some(120_000));
        assert_eq!(config.node, "main");
        assert_eq!(config.log_format, LogFormat::Text);
        assert_eq!(config.log.to_string(), "info");
        let Places { file, url, every } = config.audit_checkpoints;
        assert_eq!((file, url, every.as_secs()), (None, None, 60));
    }

    #[test]
    fn a_duration_has_a_unit() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(duration(text).ok().map(|it| it.as_secs()), expect, "{text}");
        };
        check("1s", Some(1));
        check("5m", Some(300));
        check("24h", Some(86_400));
        check("25h", None);
        check("0s", None);
        check("60", None);
        check("s", None);
        check("1 s", None);
        check("-1s", None);
        check("", None);
    }

    #[test]
    fn the_environment_stands_over_the_file() {
        let file = "listen = \"127.0.0.1:1\"\nnode = \"eu-1\"";
        let config = read(file, &[("KITH_LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.node, "eu-1");
        let limit = |text| read("", &[("KITH_RATE_LIMIT", text)]).map(|config| config.rate_limit);
        assert_eq!(limit("off"), Ok(None));
        assert_eq!(limit("60"), Ok(NonZeroU32::new(60)));
        assert!(limit("0").is_err());
    }

    #[test]
    fn all_mistakes_are_told_at_once_and_no_value_is_repeated() {
        let wrong = read(
            "listne = \"x\"\nlog_format = 3\nnode = \"cli\"\nstore_url = \"mysql://u:hunter2@x\"",
            &[
                ("KITH_LISTEN", "everywhere"),
                ("KITH_METRICS_LISTEN", "on"),
                ("KITH_LOG", "inof"),
                ("KITH_STOREURL", "sqlite:x"),
            ],
        );
        insta::assert_snapshot!(wrong.unwrap_err().join("\n"), @"
        `kith.toml`: unknown setting `listne`: did you mean `listen`?
        unknown variable `KITH_STOREURL`: did you mean `KITH_STORE_URL`?
        `kith.toml`: `store_url`: not a store URL: expected `sqlite:./kith-data` or `postgres://user:password@host/database`
        `KITH_LISTEN`: expected an address and a port, such as `127.0.0.1:7600`
        `KITH_METRICS_LISTEN`: expected `auto`, `off`, or an address and a port, such as `127.0.0.1:7601`
        `kith.toml`: `node`: `cli` is the name of commands beside a server: choose another one
        `kith.toml`: `log_format` must be a text in quotes
        `KITH_LOG`: expected `error`, `warn`, `info`, `debug`, `trace` or `off`, or levels by part of the code, such as `kith_engine=debug,info`
        ");
        let wrong = read("listen = \n", &[]);
        insta::assert_snapshot!(wrong.unwrap_err().join("\n"), @"`kith.toml`:1:10: not valid TOML: string values must be quoted, expected literal string");
    }

    #[test]
    fn a_log_filter_has_levels() {
        let check = |text: &str, ok: bool| assert_eq!(log_levels(text).is_ok(), ok, "{text}");
        check("off", true);
        check("kith_engine=debug,info", true);
        check("", false);
        check("inof", false);
        check("kith_engine=loud", false);
        check("=debug", false);
    }

    #[test]
    fn variables_of_a_container_platform_are_no_mistakes() {
        let platform = [
            ("KITH_PORT", "tcp://10.0.0.1:7600"),
            ("KITH_SERVICE_HOST", "10.0.0.1"),
        ];
        assert!(read("", &platform).is_ok());
    }
}
