// Whole numbers of 64 bits: a number holds them exactly only up to 2^53.
"use strict";

const { inspect } = require("util");
const { Int64 } = require("thrift");

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/**
 * The Int64 of package node-int64, as generated code expects it, that does not lose digits: where one of those becomes
 * Infinity, this one raises a RangeError. Its text has all digits.
 */
class ExactInt64 extends Int64 {
  /** @returns {bigint} */
  toBigInt() {
    return this.buffer.readBigInt64BE(this.offset);
  }

  /** @param {boolean} [allowImprecise] @returns {number} */
  toNumber(allowImprecise = false) {
    const exact = this.toBigInt();
    const number = Number(exact);
    if (!allowImprecise && !Number.isSafeInteger(number)) {
      throw new RangeError(`${exact} is no exact number; expected at most 2^53; use toBigInt`);
    }
    return number;
  }

  valueOf() {
    return this.toNumber();
  }

  toString(radix = 10) {
    return this.toBigInt().toString(radix);
  }

  /** A number where that is exact, else its digits as a text. */
  toJSON() {
    const number = this.toNumber(true);
    return Number.isSafeInteger(number) ? number : this.toString();
  }

  [inspect.custom]() {
    return `[Int64 ${this}]`;
  }
}

/**
 * What a field or parameter of type i64 takes in TypeScript. JavaScript may give numbers and bigints themselves: they
 * go through this function when they are sent.
 *
 * @param {number | bigint | Int64 | string} value a whole number, or its decimal digits
 * @returns {Int64}
 * @throws {RangeError} It does not fit, or is a number beyond 2^53, which may have lost digits already.
 * @throws {TypeError} It is no whole number.
 */
function int64(value) {
  if (value instanceof ExactInt64) {
    return value;
  }
  const bytes = Buffer.alloc(8);
  if (value instanceof Int64) {
    value.copy(bytes);
  } else {
    bytes.writeBigInt64BE(exactly(value));
  }
  return new ExactInt64(bytes);
}

/** @param {number | bigint | string} value */
function exactly(value) {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is no exact whole number; expected one up to 2^53, or a bigint`);
  }
  const isWhole =
    typeof value === "string" ? /^-?\d+$/.test(value) : ["number", "bigint"].includes(typeof value);
  if (!isWhole) {
    throw new TypeError(`an i64 is a number, a bigint or an Int64; got ${inspect(value)}`);
  }
  const exact = BigInt(value);
  if (exact < MIN || exact > MAX) {
    throw new RangeError(`${exact} does not fit in 64 bits; expected -2^63 to 2^63 - 1`);
  }
  return exact;
}

/**
 * An i64 as a number.
 *
 * @param {Int64 | number | bigint} value
 * @returns {number}
 * @throws {RangeError} It is beyond 2^53.
 */
function toNumber(value) {
  return int64(value).toNumber();
}

/**
 * An i64 as a bigint.
 *
 * @param {Int64 | number | bigint} value
 * @returns {bigint}
 */
function toBigInt(value) {
  const exact = int64(value);
  return exact.buffer.readBigInt64BE(exact.offset);
}

module.exports = { int64, toNumber, toBigInt };
