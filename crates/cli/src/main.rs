//! The one binary: reads arguments and settings, wires the parts together, runs one command.

mod args;
mod commands;
mod config;
mod failure;
mod help;
mod logs;
mod output;
mod show;
mod traces;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use kith_domain::Runtime;
use kith_engine::Engine;
use kith_engine::runtime::{OsEntropy, SystemClock};

use crate::args::{Cli, Command};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;
use crate::traces::Traces;

/// Requests and rows are many small pieces that live briefly on several threads; SQLite's pages too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The name under which commands beside a server write to the audit log. Several may run at once:
/// a stream has one writer at a time, whatever processes share its name.
const COMMAND_NODE: &str = "cli";

/// What every command works with.
struct Shell {
    engine: Engine,
    runtime: Runtime,
    config: Config,
    output: Output,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.json };
    match run(cli, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(output);
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<(), Failure> {
    // What is about a folder alone needs neither settings nor a store.
    if let Some(done) = commands::on_folder(&cli.command, output) {
        return done;
    }
    let config = Config::load(cli.config.as_deref()).map_err(|wrong| Failure::settings(&wrong))?;
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let traces = match cli.command {
        Command::Serve | Command::Demo { .. } => {
            Traces::asked_for(tokio.handle()).map_err(|wrong| Failure::settings(&[wrong]))?
        }
        _ => None,
    };
    logs::start(&config, traces.as_ref());
    let done = tokio.block_on(async {
        let runtime = Runtime::new(Arc::new(SystemClock), Arc::new(OsEntropy));
        let done = commands::before_opening(&cli.command, &config, &runtime, output).await;
        if let Some(done) = done {
            return done;
        }
        let node = match cli.command {
            Command::Serve | Command::Demo { .. } => config.node.as_str(),
            _ => COMMAND_NODE,
        };
        let log_key = config.audit_key_file.as_deref();
        let engine = Engine::open_with_log_key(&config.store, node, runtime.clone(), log_key)
            .await
            .map_err(|error| Failure::store(&config.store, &error))?;
        if let Some(key) = &config.master_key {
            engine.set_master_key(Arc::clone(key));
        }
        let shell = Shell {
            engine,
            runtime,
            config,
            output,
        };
        commands::run(cli.command, &shell).await
    });
    if let Some(traces) = traces {
        traces.end();
    }
    done
}
