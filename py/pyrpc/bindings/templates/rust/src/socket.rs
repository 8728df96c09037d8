//! Sockets, plain or by TLS.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// A stream whose reads and writes have a time together: each waits for what is left of it.
pub(crate) struct Timed {
    stream: TcpStream,
    deadline: Option<Instant>,
}

impl Timed {
    pub(crate) fn new(stream: TcpStream, timeout: Duration) -> Timed {
        let deadline = Instant::now().checked_add(timeout);
        Timed { stream, deadline }
    }

    /// What is left; none: longer than clocks go.
    fn left(&self) -> Result<Option<Duration>> {
        let Some(deadline) = self.deadline else {
            return Ok(None);
        };
        match deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl Read for Timed {
    fn read(&mut self, target: &mut [u8]) -> Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(target)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}

/// A failure, in words if it is that of the time, of which systems say different things.
pub(crate) fn told_late(error: Error, timeout: Duration) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            Error::new(ErrorKind::TimedOut, format!("not done within {timeout:?}"))
        }
        _ => error,
    }
}

/// One call at a time is written and read.
pub(crate) enum Socket {
    Plain(Timed),
    #[cfg(feature = "tls")]
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, Timed>>),
}

impl Socket {
    /// Begin the time of a call: its writes and reads fail once it is over.
    pub(crate) fn begin(&mut self, timeout: Duration) {
        self.timed().deadline = Instant::now().checked_add(timeout);
    }

    /// End it in both directions; it may have ended already, about which nothing can be done.
    pub(crate) fn shutdown(&mut self) {
        let _ = self.timed().stream.shutdown(Shutdown::Both);
    }

    fn timed(&mut self) -> &mut Timed {
        match self {
            Socket::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => &mut stream.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, target: &mut [u8]) -> Result<usize> {
        match self {
            Socket::Plain(stream) => stream.read(target),
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => stream.read(target),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Socket::Plain(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Socket::Plain(stream) => stream.flush(),
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => stream.flush(),
        }
    }
}

/// Speak TLS with a node that has a certificate of one of the CAs for its name.
#[cfg(feature = "tls")]
pub(crate) fn encrypted(mut stream: Timed, name: &str, ca_file: &Path) -> Result<Socket> {
    use rustls::pki_types::{pem::PemObject, CertificateDer, ServerName};

    let invalid = |what: String| Error::new(ErrorKind::InvalidInput, what);
    let unread = |error| invalid(format!("no CAs in {}: {error}", ca_file.display()));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_file).map_err(unread)? {
        let added = roots.add(certificate.map_err(unread)?);
        added.map_err(|error| invalid(format!("a CA in {}: {error}", ca_file.display())))?;
    }
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(|error| invalid(error.to_string()))?;
    let mut client = rustls::ClientConnection::new(config.into(), name)
        .map_err(|error| invalid(error.to_string()))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    let stream = rustls::StreamOwned::new(client, stream);
    Ok(Socket::Tls(Box::new(stream.into())))
}

#[cfg(not(feature = "tls"))]
pub(crate) fn encrypted(_: Timed, _: &str, _: &Path) -> Result<Socket> {
    let message = "TLS needs the feature tls of this crate";
    Err(Error::new(ErrorKind::Unsupported, message))
}
