// Tensors of typed arrays, and back.
"use strict";

const os = require("os");
const { DType, Tensor } = require("../gen/pyrpc_types");
const { int64, toNumber } = require("./int64");
const { fixedTexts, readFixedTexts, readTexts, texts } = require("./texts");

/**
 * @typedef {Int8Array | Int16Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array | Uint32Array
 *   | BigUint64Array | Float32Array | Float64Array} Numbers
 * Typed arrays. Where the runtime has Float16Array, that is one, too.
 */

const IS_LITTLE_ENDIAN = os.endianness() === "LE";

// Of each dtype: the array that its elements are, and how many numbers of that make one element.
const KINDS = new Map([
  [DType.BOOL, [Uint8Array, 1]],
  [DType.INT8, [Int8Array, 1]],
  [DType.INT16, [Int16Array, 1]],
  [DType.INT32, [Int32Array, 1]],
  [DType.INT64, [BigInt64Array, 1]],
  [DType.UINT8, [Uint8Array, 1]],
  [DType.UINT16, [Uint16Array, 1]],
  [DType.UINT32, [Uint32Array, 1]],
  [DType.UINT64, [BigUint64Array, 1]],
  [DType.FLOAT16, [Uint16Array, 1]],
  [DType.BFLOAT16, [Uint16Array, 1]],
  [DType.FLOAT32, [Float32Array, 1]],
  [DType.FLOAT64, [Float64Array, 1]],
  [DType.COMPLEX64, [Float32Array, 2]],
  [DType.COMPLEX128, [Float64Array, 2]],
  [DType.DATETIME64, [BigInt64Array, 1]],
  [DType.TIMEDELTA64, [BigInt64Array, 1]],
]);
// What an array is where nothing else is said. A Buffer is a Uint8Array, too.
const DTYPES = {
  Int8Array: DType.INT8,
  Int16Array: DType.INT16,
  Int32Array: DType.INT32,
  BigInt64Array: DType.INT64,
  Uint8Array: DType.UINT8,
  Uint8ClampedArray: DType.UINT8,
  Uint16Array: DType.UINT16,
  Uint32Array: DType.UINT32,
  BigUint64Array: DType.UINT64,
  Float16Array: DType.FLOAT16,
  Float32Array: DType.FLOAT32,
  Float64Array: DType.FLOAT64,
};
// Arrays of another type that hold the same bits.
const SAME = { Float16Array: "Uint16Array", Uint8ClampedArray: "Uint8Array" };
const UNITS = [DType.DATETIME64, DType.TIMEDELTA64];
const FIXED = [DType.BYTES, DType.UNICODE];

/**
 * An array for a node, in C order.
 *
 * It has the memory of a typed array: do not change that before the call is answered. Texts and booleans are copied.
 *
 * @param {Numbers | string[] | boolean[]} elements
 * @param {number[]} [shape] one dimension by default
 * @param {object} [options]
 * @param {number} [options.dtype] a DType, where it is not that of the array: BOOL for a Uint8Array of 0 and 1; FLOAT16
 *   and BFLOAT16 for a Uint16Array of their bits; COMPLEX64 and COMPLEX128 for a Float32Array and a Float64Array of
 *   pairs; DATETIME64 and TIMEDELTA64 for a BigInt64Array; BYTES (a character for each byte) and UNICODE for texts
 * @param {string} [options.unit] of DATETIME64 and TIMEDELTA64: "ns", "us", "ms", "s", "D" ...
 * @returns {Tensor}
 * @throws {TypeError} The elements are no such array, or not what the dtype takes.
 * @throws {RangeError} The shape does not fit.
 */
function toTensor(elements, shape, { dtype, unit } = {}) {
  if (Array.isArray(elements)) {
    return ofList(elements, shape, dtype);
  }
  const type = typeOf(elements);
  dtype ??= DTYPES[type];
  if (dtype === undefined || !ArrayBuffer.isView(elements)) {
    throw new TypeError(`a tensor is made of a typed array, or of texts or booleans; got ${type}`);
  }
  const [Kind, parts] = kindOf(dtype);
  if ((SAME[type] ?? type) !== Kind.name) {
    throw new TypeError(`the elements of ${nameOf(dtype)} are a ${Kind.name}; got a ${type}`);
  }
  if (UNITS.includes(dtype) !== (unit !== undefined)) {
    throw new TypeError(
      `DATETIME64 and TIMEDELTA64 have a unit, and no other; got ${nameOf(dtype)} with ${unit}`,
    );
  }
  const dims = checkedShape(shape, wholeCount(elements.length, parts, dtype));
  const bytes = Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength);
  return new Tensor({ dtype, shape: dims.map(int64), data: inLittleEndian(bytes, Kind), unit });
}

/**
 * The elements of a Tensor, in C order, as the typed array of its dtype; see toTensor. Texts are string[].
 *
 * Where the memory of the reply can be used, it is: the array then keeps the whole reply in memory. It is yours, and
 * may be changed.
 *
 * Without a type it is any of those, or string[]. Float16Array, where there is one, has to be asked for: FLOAT16 is a
 * Uint16Array otherwise.
 *
 * @template {Numbers} T
 * @overload
 * @param {Tensor} tensor
 * @param {new (buffer: ArrayBuffer, byteOffset: number, length: number) => T} Type what it has to be: Float32Array ...
 * @returns {T}
 * @throws {TypeError} It is not of that type.
 * @throws {RangeError} Its bytes do not fit its shape.
 */
/**
 * @overload
 * @param {Tensor} tensor
 * @returns {any}
 */
/**
 * @param {any} tensor
 * @param {any} [Type]
 */
function toArray(tensor, Type) {
  const { dtype, data } = tensor;
  if (!(data instanceof Uint8Array)) {
    throw new TypeError("the tensor has no data");
  }
  const count = countOf(shapeOf(tensor));
  if (Type === undefined && (dtype === DType.STRING || FIXED.includes(dtype))) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return dtype === DType.STRING ? readTexts(bytes, count) : readFixedTexts(tensor, bytes, count);
  }
  const [Kind, parts] = kindOf(dtype);
  const Wanted = Type ?? Kind;
  const isBits = dtype === DType.FLOAT16 && Wanted.name === "Float16Array";
  if (Wanted !== Kind && !isBits) {
    throw new TypeError(
      `the tensor holds ${nameOf(dtype)}, which is a ${Kind.name}; not a ${Wanted.name}`,
    );
  }
  const size = Kind.BYTES_PER_ELEMENT;
  if (data.length !== count * parts * size) {
    throw new RangeError(
      `${count} elements of ${nameOf(dtype)} are ${count * parts * size} bytes; got ${data.length}`,
    );
  }
  const bytes = inLittleEndian(data, Kind);
  const isAligned = bytes.byteOffset % size === 0;
  const { buffer, byteOffset } = isAligned ? bytes : new Uint8Array(bytes);
  return new Wanted(buffer, byteOffset, count * parts);
}

/**
 * The dimensions of a Tensor, as numbers.
 *
 * @param {Tensor} tensor
 * @returns {number[]}
 * @throws {RangeError} One is negative, or there are more elements than can be counted.
 */
function shapeOf(tensor) {
  const shape = (tensor.shape ?? []).map(toNumber);
  countOf(shape);
  return shape;
}

/**
 * An array of zeros, or of empty texts.
 *
 * @param {number} dtype a DType
 * @param {number[]} shape
 * @returns {Tensor}
 */
function zeros(dtype, shape) {
  const count = countOf(shape);
  if (dtype === DType.STRING || FIXED.includes(dtype)) {
    return ofList(Array(count).fill(""), shape, dtype);
  }
  const [Kind, parts] = kindOf(dtype);
  return toTensor(new Kind(count * parts), shape, {
    dtype,
    unit: UNITS.includes(dtype) ? "ns" : undefined,
  });
}

function ofList(elements, shape, dtype) {
  const types = [...new Set(elements.map((element) => typeof element))];
  const isBool = types[0] === "boolean" || (types.length === 0 && dtype === DType.BOOL);
  if (types.length > 1 || (types.length === 1 && !["boolean", "string"].includes(types[0]))) {
    throw new TypeError(
      `a list is of texts or of booleans, and numbers are a typed array; got ${types.join(" and ")}`,
    );
  }
  if (isBool && [undefined, DType.BOOL].includes(dtype)) {
    return toTensor(Uint8Array.from(elements, Number), shape, { dtype: DType.BOOL });
  }
  dtype ??= DType.STRING;
  if (isBool || !(dtype === DType.STRING || FIXED.includes(dtype))) {
    throw new TypeError(`the elements of ${nameOf(dtype)} are no ${isBool ? "booleans" : "texts"}`);
  }
  const dims = checkedShape(shape, elements.length).map(int64);
  const made = dtype === DType.STRING ? { data: texts(elements) } : fixedTexts(elements, dtype);
  return new Tensor({ dtype, shape: dims, ...made });
}

function typeOf(elements) {
  return Object.prototype.toString.call(elements).slice("[object ".length, -1);
}

function nameOf(dtype) {
  return Object.keys(DType).find((name) => DType[name] === dtype) ?? `dtype ${dtype}`;
}

function kindOf(dtype) {
  const kind = KINDS.get(dtype);
  if (!kind) {
    throw new TypeError(`the elements of ${nameOf(dtype)} are no typed array`);
  }
  return kind;
}

function wholeCount(length, parts, dtype) {
  if (length % parts !== 0) {
    throw new RangeError(
      `an element of ${nameOf(dtype)} is ${parts} numbers; got ${length} numbers`,
    );
  }
  return length / parts;
}

function checkedShape(shape, count) {
  if (shape === undefined) {
    return [count];
  }
  const expected = countOf(shape);
  if (expected !== count) {
    throw new RangeError(`the shape [${shape}] has ${expected} elements; got ${count}`);
  }
  return shape;
}

function countOf(shape) {
  let count = 1;
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new RangeError(
        `the shape [${shape}] has the dimension ${dim}; expected whole numbers from 0`,
      );
    }
    count *= dim;
  }
  // Sixteen bytes an element, and still counted exactly.
  if (count > Number.MAX_SAFE_INTEGER / 16) {
    throw new RangeError(`the shape [${shape}] has too many elements`);
  }
  return count;
}

/** The same bytes; on machines of the other byte order, a copy with each number turned round. */
function inLittleEndian(bytes, Kind) {
  const size = Kind.BYTES_PER_ELEMENT;
  return IS_LITTLE_ENDIAN || size === 1 ? bytes : Buffer.from(bytes)[`swap${8 * size}`]();
}

module.exports = { toTensor, toArray, shapeOf, zeros };
