// Texts as the data of a Tensor, and back.
"use strict";

const { DType } = require("../gen/pyrpc_types");

const OFFSET_BYTES = 8;
const POINT_BYTES = 4;
const MAX_POINT = 0x10ffff;
// A few bytes must not become a list that fills the memory.
const MAX_EMPTY = 2 ** 20;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** STRING: where each text begins and the last one ends, then all of them. */
function texts(elements) {
  const parts = elements.map((text) => Buffer.from(text));
  const offsets = Buffer.alloc(OFFSET_BYTES * (parts.length + 1));
  let end = 0;
  parts.forEach((part, index) => {
    end += part.length;
    offsets.writeBigInt64LE(BigInt(end), OFFSET_BYTES * (index + 1));
  });
  return Buffer.concat([offsets, ...parts]);
}

/** @param {Buffer} data @param {number} count */
function readTexts(data, count) {
  const head = OFFSET_BYTES * (count + 1);
  if (data.length < head) {
    throw new RangeError(`the offsets of ${count} texts are ${head} bytes; got ${data.length}`);
  }
  const body = data.subarray(head);
  const offset = (index) => Number(data.readBigInt64LE(OFFSET_BYTES * index));
  return Array.from({ length: count }, (_, index) => {
    const [start, end] = [offset(index), offset(index + 1)];
    if (start < 0 || start > end || end > body.length) {
      throw new RangeError(`text ${index} goes from ${start} to ${end}, of ${body.length} bytes`);
    }
    return decoded(body.subarray(start, end), index);
  });
}

function decoded(bytes, index) {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new TypeError(`text ${index} is no UTF-8`);
  }
}

/** BYTES and UNICODE: all as wide as the widest, with zeros after them. */
function fixedTexts(elements, dtype) {
  const parts = elements.map((text) => (dtype === DType.BYTES ? bytesOf(text) : pointsOf(text)));
  const itemsize = Math.max(
    dtype === DType.BYTES ? 1 : POINT_BYTES,
    ...parts.map((part) => part.length),
  );
  const data = Buffer.alloc(itemsize * parts.length);
  parts.forEach((part, index) => part.copy(data, index * itemsize));
  return { data, itemsize };
}

function bytesOf(text) {
  if (/[^\0-\xff]/.test(text)) {
    throw new RangeError(`BYTES takes a character for each byte; got ${JSON.stringify(text)}`);
  }
  return Buffer.from(text, "latin1");
}

function pointsOf(text) {
  const points = Array.from(text, (character) => character.codePointAt(0));
  const bytes = Buffer.alloc(POINT_BYTES * points.length);
  points.forEach((point, index) => bytes.writeUInt32LE(point, POINT_BYTES * index));
  return bytes;
}

/** @param {any} tensor @param {Buffer} data @param {number} count */
function readFixedTexts({ dtype, itemsize }, data, count) {
  const size = itemsize ?? 0;
  const unit = dtype === DType.BYTES ? 1 : POINT_BYTES;
  if (size < 0 || size % unit !== 0 || size * count !== data.length) {
    throw new RangeError(`${count} texts of ${size} bytes are not ${data.length} bytes`);
  }
  if (size === 0 && count > MAX_EMPTY) {
    throw new RangeError(`${count} texts without a byte; expected at most ${MAX_EMPTY}`);
  }
  const read = dtype === DType.BYTES ? (bytes) => bytes.toString("latin1") : readPoints;
  return Array.from({ length: count }, (_, index) =>
    read(data.subarray(index * size, (index + 1) * size), index).replace(/\0+$/, ""),
  );
}

function readPoints(bytes, index) {
  let text = "";
  for (let place = 0; place < bytes.length; place += POINT_BYTES) {
    const point = bytes.readUInt32LE(place);
    if (point > MAX_POINT) {
      throw new RangeError(
        `text ${index} has the code point ${point}; expected at most ${MAX_POINT}`,
      );
    }
    text += String.fromCodePoint(point);
  }
  return text;
}

module.exports = { texts, readTexts, fixedTexts, readFixedTexts };
