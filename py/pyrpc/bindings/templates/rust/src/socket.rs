//! Sockets, plain or by TLS.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

#[cfg(feature = "tls")]
type Encrypted = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// One call at a time is read and written.
pub(crate) enum Socket {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<std::sync::Mutex<Encrypted>>),
}

impl Socket {
    pub(crate) fn read(&self, target: &mut [u8]) -> Result<usize> {
        match self {
            Socket::Plain(stream) => (&mut &*stream).read(target),
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => stream.lock().map_err(|_| poisoned())?.read(target),
        }
    }

    pub(crate) fn write_all(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Socket::Plain(stream) => (&mut &*stream).write_all(bytes),
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => {
                let mut stream = stream.lock().map_err(|_| poisoned())?;
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }

    /// End it in both directions; it may have ended already, about which nothing can be done.
    pub(crate) fn shutdown(&self) {
        let _ = match self {
            Socket::Plain(stream) => stream.shutdown(Shutdown::Both),
            #[cfg(feature = "tls")]
            Socket::Tls(stream) => match stream.lock() {
                Ok(stream) => stream.sock.shutdown(Shutdown::Both),
                Err(_) => Ok(()),
            },
        };
    }
}

#[cfg(feature = "tls")]
fn poisoned() -> Error {
    Error::new(ErrorKind::NotConnected, "a thread panicked in a call")
}

/// Speak TLS with a node that has a certificate of one of the CAs for its name.
#[cfg(feature = "tls")]
pub(crate) fn encrypted(mut stream: TcpStream, name: &str, ca_file: &Path) -> Result<Socket> {
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
pub(crate) fn encrypted(_: TcpStream, _: &str, _: &Path) -> Result<Socket> {
    let message = "TLS needs the feature tls of this crate";
    Err(Error::new(ErrorKind::Unsupported, message))
}
