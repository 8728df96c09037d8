// What the generic API takes and gives, as values of JavaScript.
"use strict";

const { inspect } = require("util");
const { Int64 } = require("thrift");
const { Ref, Tensor, Value } = require("../gen/pyrpc_types");
const { int64 } = require("./int64");
const { toTensor } = require("./tensor");

/**
 * A Value of anything that travels: null, booleans, numbers (whole ones are ints: for a float that is whole, give
 * new Value({ double_value: 2 })), bigints, texts, Buffers (bytes), other typed arrays and Tensors, lists, Maps and
 * plain objects.
 *
 * @param {unknown} value
 * @returns {Value}
 * @throws {TypeError} It is something else.
 */
function toValue(value) {
  if (value instanceof Value) {
    return value;
  }
  if (value === null || value === undefined) {
    return new Value({ null_value: true });
  }
  if (typeof value === "number") {
    return new Value(
      Number.isSafeInteger(value) && !Object.is(value, -0)
        ? { int_value: int64(value) }
        : { double_value: value },
    );
  }
  if (typeof value === "bigint" || value instanceof Int64) {
    return new Value({ int_value: int64(value) });
  }
  if (typeof value === "boolean") {
    return new Value({ bool_value: value });
  }
  if (typeof value === "string") {
    return new Value({ string_value: value });
  }
  return new Value(fieldOf(value));
}

function fieldOf(value) {
  if (Buffer.isBuffer(value)) {
    return { binary_value: value };
  }
  if (ArrayBuffer.isView(value)) {
    return { tensor_value: toTensor(value) };
  }
  if (value instanceof Tensor) {
    return { tensor_value: value };
  }
  if (value instanceof Ref) {
    return { ref_value: value };
  }
  if (Array.isArray(value)) {
    return { list_value: value.map(toValue) };
  }
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (!isPlain && !(value instanceof Map)) {
    throw new TypeError(
      `this does not travel: ${inspect(value)}; expected null, a boolean, number, text, Buffer, array or object`,
    );
  }
  const entries = isPlain ? Object.entries(value) : [...value];
  return { map_value: Object.fromEntries(entries.map(([key, each]) => [key, toValue(each)])) };
}

/**
 * What a Value holds; arrays stay Tensors (see toArray), whole numbers beyond 2^53 are bigints.
 *
 * @param {Value} value
 * @returns {any}
 */
function fromValue(value) {
  if (value.list_value) {
    return value.list_value.map(fromValue);
  }
  if (value.map_value) {
    return Object.fromEntries(
      Object.entries(value.map_value).map(([key, each]) => [key, fromValue(each)]),
    );
  }
  if (value.int_value !== null && value.int_value !== undefined) {
    const exact = int64(value.int_value);
    return Number.isSafeInteger(exact.toNumber(true)) ? exact.toNumber() : BigInt(exact.toString());
  }
  const { bool_value, double_value, string_value, binary_value, tensor_value, ref_value } = value;
  return (
    bool_value ?? double_value ?? string_value ?? binary_value ?? tensor_value ?? ref_value ?? null
  );
}

module.exports = { toValue, fromValue };
