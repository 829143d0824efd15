//! An open-loop load generator over keep-alive HTTP/1.1 connections.
//!
//! At a fixed rate, requests are due at fixed times whether or not the earlier ones are answered,
//! and latency counts from the time that a request was *due*. A server that stalls therefore pays
//! for every request that waited, not for the one that it was busy with.
//!
//! Each connection has a thread that blocks. An async runtime wakes its timers once a millisecond,
//! which is longer than the latencies that are measured here; and these threads share no runtime
//! with the server under test.

mod http;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use thiserror::Error;

pub(crate) use http::{HttpError, request};

use http::{Answer, Connection};

/// A request this late means that the server will never catch up: the run ends, with latencies that
/// miss every budget.
const HOPELESS: Duration = Duration::from_secs(5);
/// The longest latency that is told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(60);

/// How fast requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many are due in each second, evenly spaced.
    PerSecond(f64),
    /// Each connection sends the next as soon as it has its answer.
    Max,
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) server: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) pace: Pace,
    /// Sent like the rest, but not measured.
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

/// What a run saw. Every request was answered with success, or there is an error instead.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Nanoseconds from when a request was due to the end of its answer.
    latency: Histogram<u64>,
    /// Nanoseconds from when a request was due to when it was sent, by a free connection or not.
    late: Histogram<u64>,
    elapsed: Duration,
}

impl Outcome {
    pub(crate) fn requests(&self) -> u64 {
        self.latency.len()
    }

    /// Requests answered in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests() as f64 / self.elapsed.as_secs_f64()
    }

    /// `latency(99.0)`: 99 of 100 were at least this fast.
    pub(crate) fn latency(&self, percentile: f64) -> Duration {
        Duration::from_nanos(self.latency.value_at_percentile(percentile))
    }

    /// How late requests were sent: the part of the latency that is not the server's work, but
    /// either this generator's or time spent waiting for a free connection.
    pub(crate) fn late(&self, percentile: f64) -> Duration {
        Duration::from_nanos(self.late.value_at_percentile(percentile))
    }
}

/// Why there is no outcome.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("answer {status} to request {index}: {body}")]
    Refused {
        status: u16,
        index: u64,
        body: String,
    },
    #[error("a thread of the load generator died")]
    Died,
}

impl Load {
    /// Sends `request(index)` for 0, 1, 2, … and measures the answers.
    pub(crate) fn run<'r, F>(&self, request: F) -> Result<Outcome, LoadError>
    where
        F: Fn(u64) -> Vec<u8> + Sync + 'r,
    {
        let connections = (0..self.connections)
            .map(|_| Connection::open(self.server))
            .collect::<Result<Vec<_>, _>>()?;
        let start = Instant::now();
        let shared = Shared {
            load: self,
            start,
            measured_from: start + self.warm_up,
            end: start + self.warm_up + self.duration,
            next: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        };
        let parts = thread::scope(|scope| {
            let threads: Vec<_> = connections
                .into_iter()
                .map(|connection| scope.spawn(|| shared.drive(connection, &request)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or(Err(LoadError::Died)))
                .collect::<Vec<_>>()
        });
        let elapsed = shared.measured_from.elapsed();
        let mut total = Part::new();
        for part in parts {
            total.add(&part?);
        }
        Ok(Outcome {
            latency: total.latency,
            late: total.late,
            elapsed,
        })
    }
}

/// Sends requests one after the other, before anything is measured.
pub(crate) fn send_all(server: SocketAddr, requests: &[Vec<u8>]) -> Result<(), LoadError> {
    let mut connection = Connection::open(server)?;
    for (index, request) in (0..).zip(requests) {
        let answer = connection.exchange(request)?;
        succeeded(index, &answer)?;
    }
    Ok(())
}

/// The answer to one request.
pub(crate) fn ask(server: SocketAddr, request: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut connection = Connection::open(server)?;
    let answer = connection.exchange(request)?;
    succeeded(0, &answer)?;
    Ok(answer.body.to_vec())
}

fn succeeded(index: u64, answer: &Answer<'_>) -> Result<(), LoadError> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    Err(LoadError::Refused {
        status: answer.status,
        index,
        body: String::from_utf8_lossy(answer.body).into_owned(),
    })
}

/// What the threads of a run have in common.
struct Shared<'a> {
    load: &'a Load,
    start: Instant,
    measured_from: Instant,
    end: Instant,
    next: AtomicU64,
    stopped: AtomicBool,
}

impl Shared<'_> {
    /// One connection's share of the requests.
    fn drive(
        &self,
        mut connection: Connection,
        request: &impl Fn(u64) -> Vec<u8>,
    ) -> Result<Part, LoadError> {
        let mut part = Part::new();
        let result = self.drive_into(&mut part, &mut connection, request);
        if result.is_err() {
            // The others stop too: there will be no outcome.
            self.stopped.store(true, Ordering::Relaxed);
        }
        result.map(|()| part)
    }

    fn drive_into(
        &self,
        part: &mut Part,
        connection: &mut Connection,
        request: &impl Fn(u64) -> Vec<u8>,
    ) -> Result<(), LoadError> {
        while !self.stopped.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            // Made before it is due, so that making it is not measured.
            let bytes = request(index);
            let due = match self.load.pace {
                Pace::PerSecond(rate) => self.start + Duration::from_secs_f64(index as f64 / rate),
                Pace::Max => Instant::now(),
            };
            if due >= self.end {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let late = due.elapsed();
            if late > HOPELESS {
                self.stopped.store(true, Ordering::Relaxed);
                break;
            }
            let answer = connection.exchange(&bytes)?;
            succeeded(index, &answer)?;
            if due >= self.measured_from {
                part.record(due.elapsed(), late);
            }
        }
        Ok(())
    }
}

/// One thread's measurements.
struct Part {
    latency: Histogram<u64>,
    late: Histogram<u64>,
}

impl Part {
    fn new() -> Self {
        Self {
            latency: histogram(),
            late: histogram(),
        }
    }

    fn record(&mut self, latency: Duration, late: Duration) {
        self.latency.saturating_record(nanos(latency));
        self.late.saturating_record(nanos(late));
    }

    fn add(&mut self, other: &Self) {
        // Both have the same bounds, so that there is nothing to go wrong.
        let _ = self.latency.add(&other.latency);
        let _ = self.late.add(&other.late);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::expect_used,
    reason = "the bounds are constants, and good ones"
)]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, nanos(LONGEST), 3).expect("bounds in order")
}

/// Lets sleeping threads of this process wake on time. Linux lets them oversleep by 50 µs to save
/// power, and new threads inherit what the first one is set to.
pub(crate) fn sharpen_timers() {
    // Where this does not exist, requests are sent a little late, which `Outcome::late` shows.
    let _ = std::fs::write("/proc/self/timerslack_ns", "1");
}
