//! Everything that this process logs, at every level, of Kith and of all libraries: what stands in
//! none of it stands in no log.

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tracing_subscriber::filter::LevelFilter;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static LOG: OnceLock<Buffer> = OnceLock::new();

/// Begins to keep what is logged, if that has not begun yet. Tests of one process share one log.
pub fn capture() {
    LOG.get_or_init(|| {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        buffer
    });
}

/// All that was logged since [`capture`].
///
/// # Panics
/// If nothing is captured.
#[must_use]
pub fn so_far() -> String {
    let buffer = LOG.get().unwrap();
    String::from_utf8_lossy(&buffer.0.lock()).into_owned()
}
