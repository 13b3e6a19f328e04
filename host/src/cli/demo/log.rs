//! Keeps the log out of the live view's way: what is logged while it is up is shown when it is gone.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that are kept; later ones are lost.
const KEPT_BYTES_MAX: usize = 64 << 10;

/// What was logged while the live view was up; none: it is not up.
static KEPT: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// Standard error, or what is kept for it.
pub(in crate::cli) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *kept() {
            Some(kept) => {
                let room = KEPT_BYTES_MAX.saturating_sub(kept.len());
                kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
                Ok(bytes.len())
            }
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// While it lives, the log is kept. When it is dropped, the log is shown.
pub(super) struct Hold(());

impl Hold {
    pub(super) fn new() -> Self {
        kept().get_or_insert_default();
        Self(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let logged = kept().take().unwrap_or_default();
        eprint!("{}", String::from_utf8_lossy(&logged));
    }
}

fn kept() -> MutexGuard<'static, Option<Vec<u8>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}
