//! Frames of up to 1 GiB: those of the crate thrift end at 16 MB.

use std::io::{BufReader, Error, ErrorKind, Read, Result, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::socket::{told_late, Socket};

const HEADER_BYTES: usize = 4;
/// What a buffer keeps between two calls.
const KEPT_BYTES: usize = 1 << 16;

/// A socket that is used no more once something failed: the next reply could be that of an earlier call.
struct Wire {
    /// Never waited for: a client is used by one thread at a time.
    socket: Mutex<Socket>,
    timeout: Duration,
    is_broken: AtomicBool,
    /// What was not read yet of the frame that arrives.
    left_bytes: AtomicUsize,
}

impl Wire {
    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<()> {
        if self.is_broken.load(Ordering::Relaxed) {
            let message = "an earlier call on this connection failed: open another one";
            return Err(Error::new(ErrorKind::NotConnected, message));
        }
        Ok(())
    }

    fn broken(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Interrupted {
            return error;
        }
        self.is_broken.store(true, Ordering::Relaxed);
        self.socket().shutdown();
        told_late(error, self.timeout)
    }
}

/// Tells whether a reply was read to its end.
pub(crate) struct FrameEnd(Arc<Wire>);

impl FrameEnd {
    pub(crate) fn check(&self) -> Result<()> {
        match self.0.left_bytes.load(Ordering::Relaxed) {
            0 => Ok(()),
            left => {
                let message = format!("{left} bytes follow the reply in its frame");
                Err(self.0.broken(Error::new(ErrorKind::InvalidData, message)))
            }
        }
    }
}

/// Reads from the socket alone.
struct Source(Arc<Wire>);

impl Read for Source {
    fn read(&mut self, target: &mut [u8]) -> Result<usize> {
        self.0.socket().read(target)
    }
}

/// Gives the bytes that are in the frames, as they arrive.
pub(crate) struct FrameReader {
    source: BufReader<Source>,
    wire: Arc<Wire>,
    max_frame_bytes: usize,
}

/// Collects the bytes of a frame until it is flushed.
pub(crate) struct FrameWriter {
    /// The header's place comes first.
    buffer: Vec<u8>,
    wire: Arc<Wire>,
    max_frame_bytes: usize,
}

/// Both directions of a socket; each call has so much time.
pub(crate) fn framed(
    socket: Socket,
    timeout: Duration,
    max_frame_bytes: usize,
) -> (FrameReader, FrameWriter) {
    let wire = Arc::new(Wire {
        socket: Mutex::new(socket),
        timeout,
        is_broken: AtomicBool::new(false),
        left_bytes: AtomicUsize::new(0),
    });
    let reader = FrameReader {
        source: BufReader::new(Source(wire.clone())),
        wire: wire.clone(),
        max_frame_bytes,
    };
    let writer = FrameWriter {
        buffer: vec![0; HEADER_BYTES],
        wire,
        max_frame_bytes: crate::MAX_FRAME_BYTES,
    };
    (reader, writer)
}

impl FrameReader {
    pub(crate) fn end(&self) -> FrameEnd {
        FrameEnd(self.wire.clone())
    }

    fn begin_frame(&mut self) -> Result<usize> {
        let mut header = [0; HEADER_BYTES];
        self.source
            .read_exact(&mut header)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => {
                    Error::new(error.kind(), "the node closed the connection")
                }
                _ => error,
            })?;
        let size = u32::from_be_bytes(header) as usize;
        if size == 0 || size > self.max_frame_bytes {
            let message = format!(
                "the node sent a frame of {size} bytes, expected 1 to {}",
                self.max_frame_bytes
            );
            return Err(Error::new(ErrorKind::InvalidData, message));
        }
        Ok(size)
    }

    fn read_some(&mut self, target: &mut [u8]) -> Result<usize> {
        let mut left = self.wire.left_bytes.load(Ordering::Relaxed);
        if left == 0 {
            left = self.begin_frame()?;
        }
        let size = target.len().min(left);
        let count = self.source.read(&mut target[..size])?;
        if count == 0 {
            let message = format!("the node closed the connection, {left} bytes before the end");
            return Err(Error::new(ErrorKind::UnexpectedEof, message));
        }
        self.wire.left_bytes.store(left - count, Ordering::Relaxed);
        Ok(count)
    }
}

impl Read for FrameReader {
    fn read(&mut self, target: &mut [u8]) -> Result<usize> {
        if target.is_empty() {
            return Ok(0);
        }
        self.wire.check()?;
        self.read_some(target)
            .map_err(|error| self.wire.broken(error))
    }
}

impl FrameWriter {
    /// Forget what was written since the last flush.
    pub(crate) fn discard(&mut self) {
        self.buffer.truncate(HEADER_BYTES);
        self.buffer.shrink_to(KEPT_BYTES);
    }

    fn send(&mut self) -> Result<()> {
        self.wire.check()?;
        if self.wire.left_bytes.load(Ordering::Relaxed) != 0 {
            let message = "the last reply was not read to its end: open another connection";
            return Err(self
                .wire
                .broken(Error::new(ErrorKind::InvalidData, message)));
        }
        let size = self.buffer.len() - HEADER_BYTES;
        if size > self.max_frame_bytes {
            let message = format!(
                "the call has {size} bytes, expected at most {}: send less at once",
                self.max_frame_bytes
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        self.buffer[..HEADER_BYTES].copy_from_slice(&(size as u32).to_be_bytes());
        let sent = {
            let mut socket = self.wire.socket();
            socket.begin(self.wire.timeout);
            socket.write_all(&self.buffer).and_then(|()| socket.flush())
        };
        sent.map_err(|error| self.wire.broken(error))
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        let sent = self.send();
        self.discard();
        sent
    }
}
