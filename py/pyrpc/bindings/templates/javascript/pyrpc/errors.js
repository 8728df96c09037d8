// Failures that are not told by the node.
"use strict";

/** There is no connection: nobody listens there, or the node refuses it. Nothing ran. */
class UnreachableError extends Error {
  name = "UnreachableError";
}

/** The connection ended before the reply came. What was called may have run. */
class ConnectionLostError extends Error {
  name = "ConnectionLostError";
}

/** No reply came in time, and the connection was closed, so that the node gives the call up. It may have run. */
class DeadlineExceededError extends Error {
  name = "DeadlineExceededError";
}

/** What came is no reply, or cannot be read; the connection was closed. */
class ProtocolError extends Error {
  name = "ProtocolError";
}

module.exports = { UnreachableError, ConnectionLostError, DeadlineExceededError, ProtocolError };
