// Bytes as they arrive, put together to frames.
"use strict";

const { ProtocolError } = require("./errors");

const HEADER_BYTES = 4;

/** Memory is taken as bytes arrive, whatever the length in front of a frame says. */
class Frames {
  #maxFrameBytes;
  #chunks = [];
  #size = 0;

  constructor(maxFrameBytes) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** The frames that are complete with these bytes; raises ProtocolError when one is too large. */
  *add(bytes) {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    while (this.#size >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#length();
      if (this.#size < end) {
        return;
      }
      const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
      const rest = all.subarray(end);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#size = rest.length;
      yield all.subarray(HEADER_BYTES, end);
    }
  }

  #length() {
    if (this.#chunks[0].length < HEADER_BYTES) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
    const length = this.#chunks[0].readUInt32BE(0);
    if (length > this.#maxFrameBytes) {
      throw new ProtocolError(
        `a frame of ${length} bytes; expected at most ${this.#maxFrameBytes}: no node, or the wrong port`,
      );
    }
    return length;
  }
}

module.exports = { Frames };
