// What a generated client writes its calls to.
"use strict";

const thrift = require("thrift");

// Shorter pieces are joined; longer ones, the data of arrays, are sent from where they are.
const JOINED_BYTES = 16384;
const ONEWAY = thrift.Thrift.MessageType.ONEWAY;

/** Thrift's transport for the calls of one client; the frames go to the connection, which has the replies. */
class Channel {
  #connection;
  #prefix;
  #timeoutMs;
  #pieces = [];
  #message = null;

  /** The generated client, which has the callbacks. */
  client = null;

  constructor(connection, name, timeoutMs) {
    this.#connection = connection;
    this.#prefix = name ? `${name}:` : "";
    this.#timeoutMs = timeoutMs;
  }

  /** Under which name and number a call goes out: those of all clients of the connection differ. */
  begin(name, type, seqid) {
    this.#message = { name, seqid, isOneway: type === ONEWAY, id: this.#connection.nextId() };
    return { name: this.#prefix + name, id: this.#message.id };
  }

  setCurrSeqId() {}

  write(bytes) {
    this.#pieces.push(bytes);
  }

  reset() {
    this.#pieces = [];
    this.#message = null;
  }

  flush() {
    const message = this.#message;
    const pieces = joined(this.#pieces);
    this.reset();
    const { client } = this;
    const sent = message.isOneway ? null : { ...message, client, timeoutMs: this.#timeoutMs };
    this.#connection.send(pieces, sent);
  }
}

/** The same bytes in fewer pieces. */
function joined(pieces) {
  const made = [];
  let run = [];
  for (const piece of pieces) {
    if (piece.length < JOINED_BYTES) {
      run.push(piece);
      continue;
    }
    made.push(Buffer.concat(run), piece);
    run = [];
  }
  return [...made, Buffer.concat(run)].filter((piece) => piece.length > 0);
}

module.exports = { Channel };
