//! Connections to a node, with limits that suit arrays.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use thrift::protocol::{
    TBinaryInputProtocol, TBinaryOutputProtocol, TCompactInputProtocol, TCompactOutputProtocol,
    TInputProtocol, TMultiplexedOutputProtocol, TOutputProtocol,
};
use thrift::TConfiguration;

use crate::frame::{framed, FrameEnd, FrameReader, FrameWriter};
use crate::idl::pyrpc::{CallOptions, NodeSyncClient, Ref, RpcError, TNodeSyncClient};
use crate::reply::Replies;
use crate::socket::{encrypted, told_late, Socket, Timed};

/// The largest frame that a Thrift runtime can be made to take.
pub const MAX_FRAME_BYTES: usize = 0x3FFF_FFFF;

/// What a client reads from.
pub type Input<'a> = Box<dyn TInputProtocol + Send + 'a>;
/// What a client writes to.
pub type Output<'a> = Box<dyn TOutputProtocol + Send + 'a>;

/// How to connect; the default suits most.
#[derive(Clone)]
pub struct Options {
    /// Of connecting, and of each call until all of its reply is there; 30 s by default.
    pub timeout: Duration,
    /// Speak the compact protocol in place of the binary one.
    pub is_compact: bool,
    /// The largest reply to take.
    pub max_frame_bytes: usize,
    /// For nodes that ask for one.
    pub token: Option<String>,
    /// Speak TLS with a node whose certificate is of one of the CAs in this file (PEM), and for the host of the
    /// address. Needs the feature `tls` of this crate.
    pub tls_ca_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timeout: Duration::from_secs(30),
            is_compact: false,
            max_frame_bytes: MAX_FRAME_BYTES,
            token: None,
            tls_ca_file: None,
        }
    }
}

/// Open to one node; closed when it is dropped.
///
/// It carries one call at a time, so a client borrows it. Open one for each thread. After a call that failed on the
/// way (a timeout, say) all further ones fail: open another connection then. An [`RpcError`] leaves it as it is.
pub struct Connection {
    reader: FrameReader,
    writer: FrameWriter,
    options: Options,
    limits: TConfiguration,
}

impl Connection {
    /// Connect to a node (`"127.0.0.1:9090"`), and tell it how large replies may be, and the token.
    ///
    /// # Errors
    ///
    /// The node cannot be reached within the timeout, or does not take the token.
    pub fn open(address: &str, options: Options) -> thrift::Result<Connection> {
        let options = Options {
            max_frame_bytes: options.max_frame_bytes.min(MAX_FRAME_BYTES),
            ..options
        };
        let socket = connected(address, &options).map_err(|error| {
            let error = told_late(error, options.timeout);
            io::Error::new(
                error.kind(),
                format!("no connection to the node {address}: {error}"),
            )
        })?;
        let (reader, writer) = framed(socket, options.timeout, options.max_frame_bytes);
        let limits = TConfiguration::builder()
            .max_frame_size(Some(options.max_frame_bytes))
            .max_message_size(Some(options.max_frame_bytes))
            .max_string_size(Some(options.max_frame_bytes))
            .build()?;
        let mut connection = Connection {
            reader,
            writer,
            options,
            limits,
        };
        // Typed calls have no options: a node takes those that the connection has shown.
        let options = connection.options(None);
        connection
            .node()
            .release(Ref::new(String::new()), options)?;
        Ok(connection)
    }

    /// The generic API: any stage, with values.
    pub fn node(&mut self) -> NodeSyncClient<Input<'_>, Output<'_>> {
        self.plain(NodeSyncClient::new)
    }

    /// A client of one service: `connection.service("Vision", VisionSyncClient::new)`.
    pub fn service<'a, C>(
        &'a mut self,
        name: &str,
        new: impl FnOnce(Input<'a>, Output<'a>) -> C,
    ) -> C {
        self.client(Some(name), new)
    }

    /// The same, by names of methods without that of the service before them.
    pub fn plain<'a, C>(&'a mut self, new: impl FnOnce(Input<'a>, Output<'a>) -> C) -> C {
        self.client(None, new)
    }

    /// A client that owns the connection, to be kept in a struct; it may go to another thread.
    pub fn into_service<C>(
        self,
        name: &str,
        new: impl FnOnce(Input<'static>, Output<'static>) -> C,
    ) -> C {
        let (end, is_compact) = (self.reader.end(), self.options.is_compact);
        new(
            input(self.reader, end, is_compact, self.limits),
            output(self.writer, is_compact, Some(name)),
        )
    }

    /// Options of a call of the generic API: the limits of the connection, and the time that is left.
    pub fn options(&self, remaining: Option<Duration>) -> CallOptions {
        CallOptions {
            remaining_ms: remaining.map(|left| left.as_millis().try_into().unwrap_or(i64::MAX)),
            max_frame_bytes: Some(self.options.max_frame_bytes as i64),
            token: self.options.token.clone(),
            ..CallOptions::default()
        }
    }

    fn client<'a, C>(
        &'a mut self,
        name: Option<&str>,
        new: impl FnOnce(Input<'a>, Output<'a>) -> C,
    ) -> C {
        let (end, is_compact) = (self.reader.end(), self.options.is_compact);
        self.writer.discard();
        new(
            input(&mut self.reader, end, is_compact, self.limits.clone()),
            output(&mut self.writer, is_compact, name),
        )
    }
}

/// What the node says of a call that failed, if it was the node.
pub fn rpc_error(error: &thrift::Error) -> Option<&RpcError> {
    match error {
        thrift::Error::User(source) => source.downcast_ref(),
        _ => None,
    }
}

/// A socket whose time of connecting began now; all of it counts, that of TLS, too.
fn connected(address: &str, options: &Options) -> io::Result<Socket> {
    let start = Instant::now();
    let stream = reached(address, start, options.timeout)?;
    let stream = Timed::new(stream, options.timeout.saturating_sub(start.elapsed()));
    match &options.tls_ca_file {
        Some(ca_file) => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            encrypted(stream, host.trim_matches(['[', ']']), ca_file)
        }
        None => Ok(Socket::Plain(stream)),
    }
}

fn reached(address: &str, start: Instant, timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for place in address.to_socket_addrs()? {
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&place, left) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn input<'a>(
    reader: impl io::Read + Send + 'a,
    end: FrameEnd,
    is_compact: bool,
    limits: TConfiguration,
) -> Input<'a> {
    if is_compact {
        let protocol = TCompactInputProtocol::with_config(reader, limits);
        Box::new(Replies { protocol, end })
    } else {
        let protocol = TBinaryInputProtocol::with_config(reader, true, limits);
        Box::new(Replies { protocol, end })
    }
}

fn output<'a>(
    writer: impl io::Write + Send + 'a,
    is_compact: bool,
    name: Option<&str>,
) -> Output<'a> {
    let protocol: Output<'a> = if is_compact {
        Box::new(TCompactOutputProtocol::new(writer))
    } else {
        Box::new(TBinaryOutputProtocol::new(writer, true))
    };
    match name {
        Some(name) => Box::new(TMultiplexedOutputProtocol::new(name, protocol)),
        None => protocol,
    }
}
