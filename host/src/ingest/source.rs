//! Lines of files, plain or compressed, and of standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::LINE_BYTES_MAX;

const BUFFER_BYTES: usize = 256 << 10;

/// A stream of lines with its name and how far it has been read.
pub struct Source {
    name: String,
    reader: Box<dyn BufRead + Send>,
    line: u64,
    bytes_total: Option<u64>,
    bytes_read: Arc<AtomicU64>,
    /// What lines have taken of a plain stream.
    bytes_taken: u64,
    compressed: bool,
    buffer: Vec<u8>,
}

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its bytes; never empty.
    Bytes(&'a [u8]),
    /// It was longer than [`LINE_BYTES_MAX`] and has been passed over.
    TooLong,
}

impl Source {
    /// Opens a file, or standard input for `-`. Compression is told by the file's first bytes.
    ///
    /// # Errors
    /// The file cannot be opened or its compression cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let (name, bytes_total, raw): (_, _, Box<dyn Read + Send>) = if path.as_os_str() == "-" {
            ("standard input".to_owned(), None, Box::new(io::stdin()))
        } else {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder, not a file"));
            }
            let bytes_total = metadata.is_file().then_some(metadata.len());
            (path.display().to_string(), bytes_total, Box::new(file))
        };
        let counted = Counted { inner: raw, bytes: Arc::clone(&bytes_read) };
        let (reader, compressed) = decompressed(BufReader::with_capacity(BUFFER_BYTES, counted))?;
        Ok(Self {
            name,
            reader,
            line: 0,
            bytes_total,
            bytes_read,
            bytes_taken: 0,
            compressed,
            buffer: Vec::new(),
        })
    }

    /// What to call it in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of the line last read, from 1.
    #[must_use]
    pub fn line_number(&self) -> u64 {
        self.line
    }

    /// The size of the file as it lies on disk, if it is one.
    #[must_use]
    pub fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    /// How much of that has been read.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Whether the next line has to be waited for: all that a plain stream has sent so far has been taken.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        !self.compressed && self.bytes_total.is_none() && self.bytes_taken == self.bytes_read()
    }

    /// The next line that is not blank.
    ///
    /// # Errors
    /// The file cannot be read, or its compressed form is broken.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.buffer.clear();
            let mut limited = (&mut self.reader).take(LINE_BYTES_MAX as u64 + 1);
            if limited.read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.bytes_taken += self.buffer.len() as u64;
            if self.buffer.len() > LINE_BYTES_MAX {
                self.bytes_taken += self.reader.skip_until(b'\n')? as u64;
                return Ok(Some(Line::TooLong));
            }
            let end = self.buffer.trim_ascii_end().len();
            if end > 0 {
                return Ok(Some(Line::Bytes(&self.buffer[..end])));
            }
        }
    }
}

/// Looks at the first bytes and puts the right decoder in front; says whether there was one to put.
fn decompressed(mut reader: impl BufRead + Send + 'static) -> io::Result<(Box<dyn BufRead + Send>, bool)> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    let start = reader.fill_buf()?;
    Ok(if start.starts_with(GZIP) {
        (Box::new(BufReader::with_capacity(BUFFER_BYTES, flate2::bufread::MultiGzDecoder::new(reader))), true)
    } else if start.starts_with(ZSTD) {
        (Box::new(BufReader::with_capacity(BUFFER_BYTES, zstd::Decoder::with_buffer(reader)?)), true)
    } else {
        (Box::new(reader), false)
    })
}

/// Counts what passes.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
