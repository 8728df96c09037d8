// Thrift's protocols, with what they lose mended: digits of i64, the sign of -0, bools in lists, keys of maps.
"use strict";

const thrift = require("thrift");
const { int64 } = require("./int64");

/**
 * A protocol for generated code: it has the message's name and number from the channel that it writes to.
 *
 * @param {any} Protocol one of Thrift's
 * @param {"readDoubleBE" | "readDoubleLE"} readDouble
 * @param {"writeDoubleBE" | "writeDoubleLE"} writeDouble
 */
function mended(Protocol, readDouble, writeDouble) {
  return class extends Protocol {
    writeMessageBegin(name, type, seqid) {
      const message = this.trans.begin(name, type, seqid);
      super.writeMessageBegin(message.name, type, message.id);
    }

    /** Generated code calls it when a message cannot be written. */
    reset() {
      this.trans.reset();
    }

    /** Keys of maps come as texts. */
    writeBool(value) {
      super.writeBool(value === "false" ? false : value);
    }

    writeI16(value) {
      super.writeI16(whole(value, 2 ** 15));
    }

    writeI32(value) {
      super.writeI32(whole(value, 2 ** 31));
    }

    readI64() {
      return int64(super.readI64());
    }

    writeI64(value) {
      super.writeI64(int64(value));
    }

    readDouble() {
      return this.trans.read(8)[readDouble](0);
    }

    writeDouble(value) {
      const bytes = Buffer.alloc(8);
      bytes[writeDouble](Number(value));
      this.trans.write(bytes);
    }

    writeBinary(value) {
      if (typeof value === "string" && /[^\0-\xff]/.test(value)) {
        throw new TypeError("a binary is a Buffer; got a text with characters of more than a byte");
      }
      super.writeBinary(value);
    }
  };
}

function whole(value, limit) {
  const number = Number(value);
  if (!Number.isInteger(number) || number < -limit || number >= limit) {
    throw new RangeError(`${value} is no whole number from ${-limit} to ${limit - 1}`);
  }
  return number;
}

const BinaryProtocol = mended(thrift.TBinaryProtocol, "readDoubleBE", "writeDoubleBE");

class CompactProtocol extends mended(thrift.TCompactProtocol, "readDoubleLE", "writeDoubleLE") {
  /** A bool in a list is a byte of its own, which Thrift's takes for false. */
  readBool() {
    return this.boolValue_.hasBoolValue ? super.readBool() : this.trans.readByte() === 1;
  }
}

module.exports = { BinaryProtocol, CompactProtocol };
