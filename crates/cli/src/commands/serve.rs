//! `kith serve`: the API until stopped.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};

use kith_server::App;
use serde_json::json;
use tokio::net::TcpListener;

use crate::Shell;
use crate::config::MetricsListen;
use crate::failure::Failure;

pub(super) async fn run(shell: &Shell) -> Result<(), Failure> {
    let listener = listen(shell.config.listen).await?;
    let url = url(&listener)?;
    shell.output.result(&json!({ "url": url }), || {
        format!("Kith listens on {url}. Ctrl-C ends it.")
    })?;
    serve(shell, listener).await
}

/// What an address is set by.
struct SetBy {
    variable: &'static str,
    key: &'static str,
}

const API: SetBy = SetBy {
    variable: "KITH_LISTEN",
    key: "listen",
};
const METRICS: SetBy = SetBy {
    variable: "KITH_METRICS_LISTEN",
    key: "metrics_listen",
};

/// Takes the port, so that a taken one is told before anything else is done.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    listen_at(address, &API).await
}

async fn listen_at(address: SocketAddr, set_by: &SetBy) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let (what, next) = match error.kind() {
            ErrorKind::AddrInUse => (
                "the port is taken".to_owned(),
                "stop the program that listens there, or choose another port",
            ),
            ErrorKind::PermissionDenied => (
                "this user may not take the port".to_owned(),
                "choose a port from 1024 on",
            ),
            _ => (error.to_string(), "choose an address of this machine"),
        };
        Failure::machine(format!(
            "cannot listen on `{address}`: {what}: {next} with `{}` or `{}` in kith.toml",
            set_by.variable, set_by.key
        ))
    })?;
    if !address.ip().is_loopback() {
        tracing::warn!(
            "other machines can reach this port, and it speaks no TLS: put a proxy that does in front of it"
        );
    }
    Ok(listener)
}

/// Where operators look at the server, or why nowhere. An address that was asked for must be free; the
/// one that was not may be another server's.
async fn operators(
    wanted: MetricsListen,
    api: SocketAddr,
) -> Result<Result<TcpListener, &'static str>, Failure> {
    match wanted {
        MetricsListen::Off => Ok(Err("off")),
        MetricsListen::At(address) => listen_at(address, &METRICS).await.map(Ok),
        MetricsListen::Beside => {
            let beside = SocketAddr::from((Ipv4Addr::LOCALHOST, api.port().wrapping_add(1)));
            let listener = TcpListener::bind(beside).await;
            Ok(listener
                .map_err(|_| "none: the port above is taken, name one with `KITH_METRICS_LISTEN`"))
        }
    }
}

/// The address as this machine reaches it.
pub(super) fn url(listener: &TcpListener) -> Result<String, Failure> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{address}"))
}

/// Serves until Ctrl-C or SIGTERM.
pub(super) async fn serve(shell: &Shell, listener: TcpListener) -> Result<(), Failure> {
    let address = listener.local_addr()?;
    let couriers = shell.engine.couriers(&shell.config.audit_checkpoints)?;
    let operators = operators(shell.config.metrics_listen, address).await?;
    let metrics = match &operators {
        Ok(listener) => url(listener)? + "/metrics",
        Err(why) => why.to_string(),
    };
    tracing::info!(
        %address,
        metrics,
        store = %shell.config.store,
        node = shell.config.node,
        "serving"
    );
    shell.engine.limit_rate(shell.config.rate_limit);
    let erasures = shell.engine.clone();
    tokio::spawn(async move { erasures.finish_erasures().await });
    let app = App::new(shell.engine.clone(), shell.runtime.now());
    let operators = operators
        .ok()
        .map(|listener| tokio::spawn(kith_server::serve_operators(listener, app.clone())));
    // Entries become leaves of the audit log's tree for as long as requests are served, and once more;
    // so do checkpoints of it reach the places outside.
    let served = tokio::select! {
        served = kith_server::serve(listener, app, stop()?) => served,
        () = shell.engine.keep_audit_log() => Ok(()),
        () = couriers.run() => Ok(()),
    };
    if let Some(operators) = operators {
        operators.abort();
    }
    served?;
    shell.engine.fold_audit_logs().await;
    couriers.last().await;
    tracing::info!("stopped");
    Ok(())
}

/// Ready once someone asks the process to end.
#[cfg(unix)]
fn stop() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ready once someone asks the process to end.
#[cfg(not(unix))]
fn stop() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    Ok(async {
        // Without the signal there is only the hard way to end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
