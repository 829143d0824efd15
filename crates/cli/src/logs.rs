//! Logs: structured, on standard error so that results can be piped, and never a customer's value.

use std::io::stderr;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::config::{Config, LogFormat};
use crate::traces::Traces;

/// Starts the log as the settings have it, and beside it what takes the spans of traces.
pub(crate) fn start(config: &Config, traces: Option<&Traces>) {
    let layer = match config.log_format {
        LogFormat::Text => fmt::layer()
            .with_writer(stderr)
            .with_ansi(colour_on_stderr())
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(config.log.clone()))
        .with(traces.map(Traces::layer))
        .init();
    // A panic's message may quote the value that it stumbled over: its place says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(
            place = place.as_deref().unwrap_or("unknown"),
            "a fault in Kith"
        );
    }));
}

fn colour_on_stderr() -> bool {
    anstream::AutoStream::choice(&stderr()) != anstream::ColorChoice::Never
}
