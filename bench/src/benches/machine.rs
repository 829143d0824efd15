//! What this machine and this load generator cost before Kith does anything: the floor that every
//! other number stands on.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{Bench, Context, Lines};
use crate::load::{Load, Pace, request};
use crate::report::{Line, Quantity};

pub(crate) const BENCH: Bench = Bench {
    name: "machine",
    about: "the machine itself: its disk, and an empty answer over HTTP",
    run,
};

/// The generator's own share of each latency.
const MAX_LATE: Duration = Duration::from_micros(100);

fn run(context: &Context) -> Lines {
    let runtime = Runtime::new()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let server = listener.local_addr()?;
    let empty = Router::new().route("/", get(|| async {}));
    runtime.spawn(async move { axum::serve(listener, empty).await });

    let (warm_up, duration) = (Duration::from_secs(1), Duration::from_secs(3));
    let steady = Load {
        server,
        connections: 16,
        pace: Pace::PerSecond(2_000.0),
        warm_up,
        duration,
    };
    let many = Load {
        pace: Pace::Max,
        ..steady
    };
    let one = Load {
        connections: 1,
        ..many
    };
    let get = request("GET", "/", &[], b"");
    let steady = steady.run(|_| get.clone())?;
    let many = many.run(|_| get.clone())?;
    let one = one.run(|_| get.clone())?;

    Ok(vec![
        Line::new(
            "a small append made durable",
            Quantity::Time(context.machine.fsync),
        ),
        Line::new(
            "an empty answer at 2,000 requests/s, p50",
            Quantity::Time(steady.latency(50.0)),
        ),
        Line::new(
            "an empty answer at 2,000 requests/s, p99",
            Quantity::Time(steady.latency(99.0)),
        ),
        Line::new("requests sent late, p50", Quantity::Time(steady.late(50.0)))
            .budget(Quantity::Time(MAX_LATE), None),
        Line::new(
            "empty answers, 16 connections",
            Quantity::Rate(many.rate(), "requests"),
        )
        .against("1 connection", Quantity::Rate(one.rate(), "requests")),
    ])
}
