//! What the machine itself costs, so that a budget can be stated beside it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde::Serialize;

/// How many appends the probe makes durable, one by one.
const FSYNCS: usize = 300;
/// About what a commit of one audit entry appends.
const APPEND_BYTES: usize = 512;

/// The machine that the numbers were measured on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    /// The median time to make a small append durable.
    #[serde(rename = "fsyncMicros", serialize_with = "micros")]
    pub(crate) fsync: Duration,
}

impl Machine {
    /// Measures the disk that `folder` is on. Takes less than a second on a usual one.
    pub(crate) fn probe(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            cores: available_parallelism()?.get(),
            fsync: fsync(folder)?,
        })
    }
}

fn fsync(folder: &Path) -> io::Result<Duration> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("fsync-probe"))?;
    let append = [0_u8; APPEND_BYTES];
    let mut times = Vec::with_capacity(FSYNCS);
    for _ in 0..FSYNCS {
        let start = Instant::now();
        file.write_all(&append)?;
        // What SQLite and PostgreSQL call on Linux for their logs: data, and the length with it.
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(median(&mut times))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn micros<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_measures_every_append() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::probe(folder.path()).unwrap();
        assert!(machine.cores >= 1);
        assert!(machine.fsync > Duration::ZERO);
        let written = std::fs::metadata(folder.path().join("fsync-probe"))
            .unwrap()
            .len();
        assert_eq!(written, (FSYNCS * APPEND_BYTES) as u64);
    }

    #[test]
    fn one_slow_append_does_not_move_the_median() {
        let mut times = [9, 1, 2, 900, 3].map(Duration::from_micros);
        assert_eq!(median(&mut times), Duration::from_micros(3));
    }
}
