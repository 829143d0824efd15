//! Settings: `kith.toml`, then `KITH_*` over it. All mistakes are reported at once.

use std::net::SocketAddr;
use std::path::Path;

use kith_store::StoreUrl;

/// What the program runs with.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where the data is.
    pub(crate) store: StoreUrl,
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// How logs are written.
    pub(crate) log_format: LogFormat,
    /// What is logged, as `tracing` filters have it: `info`, `kith=debug`.
    pub(crate) log: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings: key in `kith.toml`, environment variable, default.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("store_url", "KITH_STORE_URL", "sqlite:./kith-data"),
    ("listen", "KITH_LISTEN", "127.0.0.1:7600"),
    ("log_format", "KITH_LOG_FORMAT", "text"),
    ("log", "KITH_LOG", "info"),
];

impl Config {
    /// Reads the file, if there is one, and the environment over it.
    ///
    /// # Errors
    /// Every mistake, each with where it is and what to do.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Vec<String>> {
        let (name, text) = match file {
            None => ("kith.toml".to_owned(), std::fs::read_to_string("kith.toml").unwrap_or_default()),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| vec![format!("{name}: cannot be read ({error}): check `--config`")])?;
                (name, text)
            }
        };
        Self::read(&name, &text, |variable| std::env::var(variable).ok())
    }

    fn read(name: &str, text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let table: toml::Table = toml::from_str(text).unwrap_or_else(|error| {
            wrong.push(format!("{name}: not valid TOML: {}", error.message()));
            toml::Table::new()
        });
        for key in table.keys().filter(|key| SETTINGS.iter().all(|(known, ..)| known != key)) {
            let known = SETTINGS.map(|(known, ..)| known);
            let hint = match kith_domain::diagnostic::nearest(key, known) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            wrong.push(format!("{name}: unknown setting `{key}`: {hint}"));
        }
        let mut settings = SETTINGS.map(|(key, variable, default)| match (env(variable), table.get(key)) {
            (Some(value), _) => (format!("`{variable}`"), value),
            (None, Some(toml::Value::String(value))) => (format!("{name}: `{key}`"), value.clone()),
            (None, Some(_)) => {
                wrong.push(format!("{name}: `{key}` must be a text in quotes"));
                (String::new(), default.to_owned())
            }
            (None, None) => (String::new(), default.to_owned()),
        });
        let [store, listen, log_format, log] = &mut settings;
        let store_url = store.1.parse().map_err(|error| wrong.push(format!("{}: {error}", store.0)));
        let address = listen.1.parse().map_err(|_| {
            wrong.push(format!("{}: expected an address and a port, such as `127.0.0.1:7600`", listen.0));
        });
        let format = match log_format.1.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(wrong.push(format!("{}: expected `text` or `json`", log_format.0))),
        };
        let filter = log.1.parse::<tracing_subscriber::filter::Targets>().map(|_| std::mem::take(&mut log.1));
        let filter = filter.map_err(|_| {
            wrong.push(format!("{}: expected a level such as `info`, or `kith_engine=debug,info`", log.0));
        });
        match (store_url, address, format, filter) {
            (Ok(store), Ok(listen), Ok(log_format), Ok(log)) if wrong.is_empty() => {
                Ok(Self { store, listen, log_format, log })
            }
            _ => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::read("kith.toml", text, |name| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_set_is_the_embedded_store_on_loopback() {
        let config = read("", &[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:7600");
        assert_eq!(config.log_format, LogFormat::Text);
    }

    #[test]
    fn the_environment_stands_over_the_file() {
        let config = read("listen = \"127.0.0.1:1\"", &[("KITH_LISTEN", "127.0.0.1:2")]).unwrap();
        assert_eq!(config.listen.port(), 2);
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let wrong = read(
            "listne = \"x\"\nlog_format = 3\nstore_url = \"mysql://x\"",
            &[("KITH_LISTEN", "everywhere"), ("KITH_LOG", "=,=")],
        )
        .unwrap_err();
        insta::assert_snapshot!(wrong.join("\n"));
    }
}
