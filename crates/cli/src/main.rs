//! The one binary: reads arguments and settings, wires the parts together, runs one command.

mod args;
mod commands;
mod config;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser as _;
use kith_domain::Runtime;
use kith_engine::Engine;
use kith_engine::runtime::{OsEntropy, SystemClock};

use crate::args::{Cli, Command, DefinitionsCommand, PolicyCommand};
use crate::config::{Config, LogFormat};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let output = Output { json: cli.json };
    // Checking a folder needs neither settings nor a store.
    if let Command::Definitions(DefinitionsCommand::Check { folder })
    | Command::Policy(PolicyCommand::Check { folder }) = &cli.command
    {
        return commands::definitions::check(folder, output);
    }
    let config = Config::load(cli.config.as_deref()).map_err(Failure::settings)?;
    start_log(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let engine = open(&config).await?;
        commands::run(cli.command, &config, engine, output).await
    })
}

async fn open(config: &Config) -> Result<Engine, Failure> {
    let runtime = Runtime::new(std::sync::Arc::new(SystemClock), std::sync::Arc::new(OsEntropy));
    Ok(Engine::open(&config.store, runtime).await?)
}

/// Logs go to standard error, so that results can be piped.
fn start_log(config: &Config) {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    use tracing_subscriber::{Layer as _, fmt};

    let Ok(filter) = config.log.parse::<tracing_subscriber::filter::Targets>() else { return };
    let layer = match config.log_format {
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).with_ansi(colour_on_stderr()).boxed(),
        LogFormat::Json => fmt::layer().json().with_writer(std::io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}

fn colour_on_stderr() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
