// Connections to a node: calls as promises, with limits that suit arrays.
"use strict";

const net = require("net");
const tls = require("tls");
const thrift = require("thrift");
const NodeService = require("../gen/Node");
const { CallOptions, Ref, RpcError } = require("../gen/pyrpc_types");
const { Channel } = require("./channel");
const {
  ConnectionLostError,
  DeadlineExceededError,
  ProtocolError,
  UnreachableError,
} = require("./errors");
const { Frames } = require("./frames");
const { int64 } = require("./int64");
const { BinaryProtocol, CompactProtocol } = require("./protocol");

/** The largest frame of a node. */
const MAX_FRAME_BYTES = 0x3fffffff;
// setTimeout takes no more.
const LONGEST_MS = 2 ** 31 - 1;
const EXCEPTION = thrift.Thrift.MessageType.EXCEPTION;

/**
 * @typedef {object} ConnectOptions
 * @property {number} [timeoutMs] for connecting, and for each call; Infinity for none; 30 s by default
 * @property {boolean} [compact] speak the compact protocol in place of the binary one
 * @property {number} [maxFrameBytes] the largest reply to take; MAX_FRAME_BYTES by default
 * @property {string} [token] for nodes that ask for one
 * @property {import("tls").ConnectionOptions} [tls] for nodes that speak TLS, as tls.connect takes them; {} for defaults
 */

/**
 * Connect to a node, and tell it how large replies may be, and the token.
 *
 * @param {string} host
 * @param {number} port
 * @param {ConnectOptions} [options]
 * @returns {Promise<Connection>}
 * @throws {UnreachableError} There is no connection in time. An RpcError: the node refuses it.
 */
async function connect(host, port, options = {}) {
  const timeoutMs = milliseconds(options.timeoutMs ?? 30_000);
  const maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
  if (!Number.isInteger(maxFrameBytes) || maxFrameBytes < 1 || maxFrameBytes > MAX_FRAME_BYTES) {
    throw new RangeError(`maxFrameBytes: expected 1 to ${MAX_FRAME_BYTES}; got ${maxFrameBytes}`);
  }
  const socket = await open(host, port, timeoutMs, options.tls);
  const connection = new Connection(socket, `${host}:${port}`, {
    ...options,
    timeoutMs,
    maxFrameBytes,
  });
  try {
    // Typed calls have no options: a node takes those that the connection has shown.
    await connection.node.release(new Ref({ id: "" }), connection.options());
  } catch (error) {
    connection.close();
    const isTold = error instanceof RpcError;
    throw isTold
      ? error
      : new UnreachableError(`no node answers at ${host}:${port}: ${error.message}`, {
          cause: error,
        });
  }
  return connection;
}

/**
 * Open to one node. Calls may be made while others wait: the node answers them one after the other.
 *
 * An open connection keeps the program alive: close it.
 */
class Connection {
  #socket;
  #address;
  #protocol;
  #timeoutMs;
  #maxFrameBytes;
  #token;
  #waiting = new Map();
  #ended = null;
  #lastId = 0;

  /** Use connect. */
  constructor(socket, address, options) {
    this.#socket = socket;
    this.#address = address;
    this.#protocol = options.compact ? CompactProtocol : BinaryProtocol;
    this.#timeoutMs = options.timeoutMs;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#token = options.token;
    const frames = new Frames(options.maxFrameBytes);
    socket.on("data", (bytes) => this.#receive(frames, bytes));
    socket.on("error", (error) =>
      this.#end(new ConnectionLostError(`${this.#lost()}: ${error.message}`, { cause: error })),
    );
    socket.on("close", () => this.#end(new ConnectionLostError(this.#lost())));
    /** The generic API: any stage, with values. */
    this.node = this.client(NodeService);
  }

  /**
   * A generated client on this connection.
   *
   * @template T
   * @param {{ Client: new (output: any, pClass: any) => T }} service what the compiler wrote: require("./gen/Vision")
   * @param {string | null} [name] of the service on the node; without one, methods are called by their plain names
   * @param {{ timeoutMs?: number }} [options] time for each of its calls; that of the connection by default
   * @returns {T}
   */
  client(service, name = null, options = {}) {
    const timeoutMs = milliseconds(options.timeoutMs ?? this.#timeoutMs);
    const channel = new Channel(this, name, timeoutMs);
    const client = new service.Client(channel, this.#protocol);
    channel.client = client;
    return client;
  }

  /**
   * Options for a call of the generic API: the limits of the connection, and the time that is left.
   *
   * @param {{ remainingMs?: number }} [deadline] what it has; without it there is none
   * @returns {import("../gen/pyrpc_types").CallOptions}
   */
  options({ remainingMs } = {}) {
    const options = new CallOptions({
      max_frame_bytes: int64(this.#maxFrameBytes),
      token: this.#token,
    });
    if (remainingMs !== undefined) {
      options.remaining_ms = int64(Math.trunc(remainingMs));
    }
    return options;
  }

  /** End the connection once what was written is sent. Calls that wait are rejected with a ConnectionLostError. */
  close() {
    this.#end(
      new ConnectionLostError(`the connection to ${this.#address} was closed`),
      this.#timeoutMs,
    );
  }

  /** @internal A number that no other call on this connection has; raises what ended the connection. */
  nextId() {
    if (this.#ended) {
      const message = `the connection to ${this.#address} has ended: ${this.#ended.message}`;
      throw new ConnectionLostError(message, { cause: this.#ended });
    }
    this.#lastId = (this.#lastId + 1) & 0x7fffffff;
    return this.#lastId;
  }

  /** @internal Send a message; `call` waits for the reply, null: there is none. */
  send(pieces, call) {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (size > MAX_FRAME_BYTES) {
      throw new RangeError(
        `a call of ${size} bytes; expected at most ${MAX_FRAME_BYTES}; use map, or smaller arrays`,
      );
    }
    if (call) {
      this.#wait(call);
    }
    const header = Buffer.alloc(4);
    header.writeUInt32BE(size);
    this.#socket.cork();
    [header, ...pieces].forEach((piece) => this.#socket.write(piece));
    this.#socket.uncork();
  }

  /** Let a call wait for its reply, for its time. */
  #wait({ id, name, seqid, client, timeoutMs }) {
    const answer = client._reqs[seqid];
    const late = () => {
      const message = `no reply to ${name} from ${this.#address} within ${timeoutMs} ms`;
      settle(new DeadlineExceededError(message));
      this.#end(new ConnectionLostError(`${this.#lost()}: ${message}`));
    };
    const timer = timeoutMs > LONGEST_MS ? undefined : setTimeout(late, timeoutMs);
    const settle = (error, result) => {
      clearTimeout(timer);
      delete client._reqs[seqid];
      if (this.#waiting.delete(id)) {
        // What generated code says of a reply without a result is a text.
        answer(typeof error === "string" ? new ProtocolError(error) : error, result);
      }
    };
    client._reqs[seqid] = settle;
    this.#waiting.set(id, { name, seqid, client, settle });
  }

  #receive(frames, bytes) {
    try {
      for (const frame of frames.add(bytes)) {
        this.#answer(frame);
      }
    } catch (error) {
      this.#end(error instanceof ProtocolError ? error : unreadable(error));
    }
  }

  /** Give one reply to the call that waits for it. */
  #answer(frame) {
    const transport = new thrift.TFramedTransport(frame);
    const protocol = new this.#protocol(transport);
    const { mtype, rseqid } = protocol.readMessageBegin();
    const call = this.#waiting.get(rseqid);
    if (!call) {
      const problem = new thrift.Thrift.TApplicationException();
      if (mtype === EXCEPTION) {
        problem.read(protocol);
      }
      throw new ProtocolError(
        `a reply to no call: ${problem.message ?? `it has the number ${rseqid}`}`,
      );
    }
    // The promise must not be settled with what turns out to be broken.
    let settled = [];
    call.client._reqs[call.seqid] = (...outcome) => (settled = outcome);
    try {
      call.client[`recv_${call.name}`](protocol, mtype, call.seqid);
      if (transport.readPos !== frame.length) {
        throw new ProtocolError(
          `the reply to ${call.name} has ${frame.length - transport.readPos} bytes too many`,
        );
      }
    } catch (error) {
      const problem = error instanceof ProtocolError ? error : unreadable(error);
      call.settle(problem);
      throw problem;
    }
    call.settle(...settled);
  }

  /** No call can be made any more, and those that wait are rejected; what is not sent by then has so much time. */
  #end(error, graceMs = 0) {
    if (this.#ended) {
      return;
    }
    this.#ended = error;
    for (const { settle } of [...this.#waiting.values()]) {
      settle(error);
    }
    if (graceMs === 0) {
      this.#socket.destroy();
      return;
    }
    setTimeout(() => this.#socket.destroy(), Math.min(graceMs, LONGEST_MS)).unref();
    this.#socket.end(() => this.#socket.destroy());
  }

  #lost() {
    return `the connection to ${this.#address} is lost`;
  }
}

/** @returns {Promise<import("net").Socket>} */
function open(host, port, timeoutMs, security) {
  return new Promise((resolve, reject) => {
    const socket = security
      ? tls.connect({ host, port, ...security })
      : net.connect({ host, port });
    const event = security ? "secureConnect" : "connect";
    const fail = (reason, cause) => {
      clearTimeout(timer);
      socket.destroy();
      reject(
        new UnreachableError(`no connection to the node ${host}:${port}: ${reason}`, {
          cause,
        }),
      );
    };
    const late = () => fail(`no answer within ${timeoutMs} ms`);
    const timer = timeoutMs > LONGEST_MS ? undefined : setTimeout(late, timeoutMs);
    const refused = (error) => fail(error.message || error.code, error);
    socket.once("error", refused);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off("error", refused);
      socket.setNoDelay();
      resolve(socket);
    });
  });
}

function milliseconds(value) {
  if (typeof value !== "number" || !(value > 0)) {
    throw new RangeError(`timeoutMs: expected a number above 0; got ${value}`);
  }
  return value;
}

function unreadable(error) {
  const reason =
    error instanceof thrift.InputBufferUnderrunError ? "it ends too early" : error.message;
  return new ProtocolError(`a reply that cannot be read: ${reason}`, { cause: error });
}

module.exports = { connect, Connection, MAX_FRAME_BYTES };
