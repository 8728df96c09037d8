// Rules of the library, which TypeScript has, too: run by node --test.
"use strict";

const assert = require("assert/strict");
const net = require("net");
const test = require("node:test");
const { inspect } = require("util");
const thrift = require("thrift");
const { DType, StageInfo, Tensor, TensorSpec, Value } = require("./gen/pyrpc_types");
const pyrpc = require("./pyrpc");
const { BinaryProtocol, CompactProtocol } = require("./pyrpc/protocol");

const { fromValue, int64, shapeOf, toArray, toBigInt, toNumber, toTensor, toValue, zeros } = pyrpc;

/** What a struct becomes when it is written and read again. */
function again(struct, Protocol) {
  const pieces = [];
  struct.write(new Protocol({ write: (bytes) => pieces.push(bytes) }));
  const read = new struct.constructor();
  read.read(new Protocol(new thrift.TFramedTransport(Buffer.concat(pieces))));
  return read;
}

/** A tensor as a node may send it. */
const sent = (dtype, shape, data, itemsize) =>
  new Tensor({ dtype, shape, data: data === undefined ? data : Buffer.from(data), itemsize });

/** Run against a node that answers `release`, and gives what else comes to a function. */
async function withNode(answer, run, options = {}) {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    let calls = 0;
    socket.on("data", (bytes) => {
      calls += 1;
      if (calls === 1) {
        socket.write(reply("release", bytes.readInt32BE(4 + 4 + 4 + 7)));
      } else {
        answer(socket, bytes);
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const connection = await pyrpc.connect("127.0.0.1", server.address().port, options);
  try {
    await run(connection);
  } finally {
    connection.close();
    server.close();
  }
}

function reply(name, id) {
  const head = Buffer.from([0, 0, 0, 13 + name.length, 0x80, 1, 0, 2, 0, 0, 0, name.length]);
  const number = Buffer.alloc(4);
  number.writeInt32BE(id);
  return Buffer.concat([head, Buffer.from(name), number, Buffer.from([0])]);
}

for (const [name, Protocol] of Object.entries({ BinaryProtocol, CompactProtocol })) {
  test(`what is written is read again: ${name}`, () => {
    for (const number of [-0, 0.1, -1.5, Infinity, NaN, Number.MIN_VALUE, -Number.MAX_VALUE]) {
      assert.ok(
        Object.is(again(new Value({ double_value: number }), Protocol).double_value, number),
        number,
      );
    }
    for (const number of [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      assert.equal(toBigInt(again(new Value({ int_value: number }), Protocol).int_value), number);
    }
    const text = again(new Value({ string_value: "é\0😀" }), Protocol);
    assert.equal(text.string_value, "é\0😀");
  });

  test(`bools in lists and keys of maps are read again: ${name}`, () => {
    const pieces = [];
    const writer = new Protocol({ write: (bytes) => pieces.push(bytes) });
    [true, false].forEach((bool) => writer.writeBool(bool));
    // As generated code has keys.
    ["true", "false"].forEach((bool) => writer.writeBool(bool));
    writer.writeI64("-9223372036854775808");
    const reader = new Protocol(new thrift.TFramedTransport(Buffer.concat(pieces)));
    const bools = [1, 2, 3, 4].map(() => reader.readBool());
    assert.deepEqual(bools, [true, false, true, false]);
    assert.equal(String(reader.readI64()), "-9223372036854775808");
  });

  test(`numbers that do not fit are refused before they are sent: ${name}`, () => {
    const writer = new Protocol({ write: () => {} });
    assert.throws(
      () => writer.writeI32(2 ** 31),
      /^RangeError: 2147483648 is no whole number from -2147483648 to/,
    );
    assert.throws(() => writer.writeI32(0.5), RangeError);
    assert.throws(() => writer.writeI16(40_000), RangeError);
    assert.throws(
      () => writer.writeI64(2 ** 53),
      /no exact whole number; expected one up to 2\^53, or a bigint/,
    );
    assert.throws(() => writer.writeI64(2n ** 63n), RangeError);
    assert.throws(() => writer.writeI64({}), TypeError);
    assert.throws(() => writer.writeBinary("😀"), TypeError);
  });
}

test("an i64 never loses digits silently", () => {
  const large = int64(2n ** 53n + 1n);
  assert.equal(String(large), "9007199254740993");
  assert.equal(JSON.stringify([large, int64(5)]), '["9007199254740993",5]');
  assert.equal(inspect(large), "[Int64 9007199254740993]");
  assert.throws(() => toNumber(large), /9007199254740993 is no exact number/);
  assert.throws(() => large > 1, RangeError);
  assert.ok(int64(5) > 4);
  assert.equal(toBigInt(new thrift.Int64(-7)), -7n);
  assert.throws(() => int64(1.5), RangeError);
  assert.throws(() => int64("five"), TypeError);
});

test("a tensor has the memory of the array, and an array that of the reply", () => {
  const elements = Float32Array.of(1, 2, 3);
  const tensor = toTensor(elements.subarray(1));
  elements[1] = 5;
  assert.deepEqual(toArray(tensor, Float32Array), Float32Array.of(5, 3));
  const data = Buffer.from(new ArrayBuffer(16), 1, 8);
  const copied = toArray(new Tensor({ dtype: DType.FLOAT32, shape: [2], data }), Float32Array);
  copied[0] = 1;
  assert.deepEqual([...data], Array(8).fill(0));
});

test("arrays that do not fit are refused with what is wrong", () => {
  const cases = [
    [
      () => toTensor([1, 2]),
      "TypeError: a list is of texts or of booleans, and numbers are a typed array; got number",
    ],
    [
      () => toTensor(["a", true]),
      "TypeError: a list is of texts or of booleans, and numbers are a typed array; got string and boolean",
    ],
    [
      () => toTensor({}),
      "TypeError: a tensor is made of a typed array, or of texts or booleans; got Object",
    ],
    [
      () => toTensor(null),
      "TypeError: a tensor is made of a typed array, or of texts or booleans; got Null",
    ],
    [
      () => toTensor(new DataView(new ArrayBuffer(8))),
      "TypeError: a tensor is made of a typed array, or of texts or booleans; got DataView",
    ],
    [() => toTensor(new Int8Array(5), [2, 3]), "RangeError: the shape [2,3] has 6 elements; got 5"],
    [
      () => toTensor(new Int8Array(1), [-1]),
      "RangeError: the shape [-1] has the dimension -1; expected whole numbers from 0",
    ],
    [
      () => toTensor(new Int8Array(1), [0.5]),
      "RangeError: the shape [0.5] has the dimension 0.5; expected whole numbers from 0",
    ],
    [
      () => zeros(DType.INT8, [2 ** 32, 2 ** 32]),
      "RangeError: the shape [4294967296,4294967296] has too many elements",
    ],
    [
      () => toTensor(new Int8Array(1), [1], { dtype: DType.FLOAT16 }),
      "TypeError: the elements of FLOAT16 are a Uint16Array; got a Int8Array",
    ],
    [
      () => toTensor(new Float32Array(3), [1], { dtype: DType.COMPLEX64 }),
      "RangeError: an element of COMPLEX64 is 2 numbers; got 3 numbers",
    ],
    [
      () => toTensor(new Int8Array(1), [1], { dtype: 99 }),
      "TypeError: the elements of dtype 99 are no typed array",
    ],
    [
      () => toTensor(new BigInt64Array(1), [1], { dtype: DType.DATETIME64 }),
      "TypeError: DATETIME64 and TIMEDELTA64 have a unit, and no other; got DATETIME64 with undefined",
    ],
    [
      () => toTensor(["é😀"], [1], { dtype: DType.BYTES }),
      'RangeError: BYTES takes a character for each byte; got "é😀"',
    ],
    [
      () => toTensor([true], [1], { dtype: DType.STRING }),
      "TypeError: the elements of STRING are no booleans",
    ],
    [
      () => toTensor(["a"], [1], { dtype: DType.INT8 }),
      "TypeError: the elements of INT8 are no texts",
    ],
    [
      () => toArray(zeros(DType.INT8, [2]), Float32Array),
      "TypeError: the tensor holds INT8, which is a Int8Array; not a Float32Array",
    ],
    // What a node may send.
    [() => toArray(sent(DType.INT8, [1])), "TypeError: the tensor has no data"],
    [
      () => toArray(sent(null, [1], "a")),
      "TypeError: the elements of dtype null are no typed array",
    ],
    [
      () => toArray(sent(DType.INT32, [2], "1234567")),
      "RangeError: 2 elements of INT32 are 8 bytes; got 7",
    ],
    [
      () => toArray(sent(DType.INT32, [-2], "12345678")),
      "RangeError: the shape [-2] has the dimension -2; expected whole numbers from 0",
    ],
    [
      () => shapeOf(sent(DType.INT8, [2 ** 32, 2 ** 32], "")),
      "RangeError: the shape [4294967296,4294967296] has too many elements",
    ],
    [
      () => toArray(sent(DType.BYTES, [2], "ab", -1)),
      "RangeError: 2 texts of -1 bytes are not 2 bytes",
    ],
    [
      () => toArray(sent(DType.BYTES, [2 ** 40], "", 0)),
      "RangeError: 1099511627776 texts without a byte; expected at most 1048576",
    ],
    [
      () => toArray(sent(DType.UNICODE, [1], "abc", 3)),
      "RangeError: 1 texts of 3 bytes are not 3 bytes",
    ],
    [
      () => toArray(sent(DType.UNICODE, [1], [255, 255, 255, 255], 4)),
      "RangeError: text 0 has the code point 4294967295; expected at most 1114111",
    ],
    [
      () => toArray(sent(DType.STRING, [1], Buffer.alloc(8))),
      "RangeError: the offsets of 1 texts are 16 bytes; got 8",
    ],
    [
      () => toArray(sent(DType.STRING, [1], [...Array(8).fill(0), 9, ...Array(7).fill(0), 97])),
      "RangeError: text 0 goes from 0 to 9, of 1 bytes",
    ],
    [
      () => toArray(sent(DType.STRING, [1], [...Array(8).fill(255), ...Array(8).fill(0), 97])),
      "RangeError: text 0 goes from -1 to 0, of 1 bytes",
    ],
    [
      () => toArray(sent(DType.STRING, [1], [...Array(8).fill(0), 1, ...Array(7).fill(0), 255])),
      "TypeError: text 0 is no UTF-8",
    ],
  ];
  for (const [run, message] of cases) {
    assert.throws(run, (error) => {
      assert.equal(String(error), message);
      return true;
    });
  }
});

test("arrays without elements, and of no dimension, are arrays", () => {
  for (const [name, dtype] of Object.entries(DType)) {
    for (const shape of [[], [0, 3], [2, 0]]) {
      const tensor = zeros(dtype, shape);
      assert.deepEqual(shapeOf(tensor), shape, name);
      const parts = name.startsWith("COMPLEX") ? 2 : 1;
      assert.equal(toArray(tensor).length, parts * (shape.length === 0 ? 1 : 0), name);
    }
  }
});

test("a Float16Array is taken, and given where it is asked for", () => {
  const Known = globalThis.Float16Array;
  class Float16Array extends Uint16Array {
    get [Symbol.toStringTag]() {
      return "Float16Array";
    }
  }
  const Float16 = Known ?? Float16Array;
  const tensor = toTensor(new Float16(3));
  assert.equal(tensor.dtype, DType.FLOAT16);
  assert.ok(toArray(tensor) instanceof Uint16Array);
  assert.ok(toArray(tensor, Float16) instanceof Float16);
});

test("values come back as they went", () => {
  const values = [
    null,
    true,
    3,
    -2.5,
    -0,
    2n ** 60n,
    "é",
    Buffer.from("x"),
    [1, [null]],
    { a: { b: 1 } },
  ];
  assert.deepEqual(fromValue(toValue(values)), values);
  assert.deepEqual(fromValue(toValue(new Map([["a", 1]]))), { a: 1 });
  assert.deepEqual(toArray(fromValue(toValue(Float32Array.of(1)))), Float32Array.of(1));
  assert.throws(
    () => toValue(new Date()),
    /^TypeError: this does not travel: .*; expected null, a boolean/,
  );
  assert.throws(() => toValue(() => {}), TypeError);
});

test("nobody listening, and nobody answering, is told as UnreachableError", async () => {
  const server = net.createServer((socket) => socket.resume());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  const silent = pyrpc.connect("127.0.0.1", port, { timeoutMs: 200 });
  await assert.rejects(silent, {
    name: "UnreachableError",
    message: /within 200 ms/,
  });
  await new Promise((resolve) => server.close(resolve));
  const refused = pyrpc.connect("127.0.0.1", port);
  await assert.rejects(refused, {
    name: "UnreachableError",
    message: /^no connection to the node .*ECONNREFUSED/,
  });
});

test("options that are none are refused", async () => {
  await assert.rejects(
    pyrpc.connect("::1", 1, { timeoutMs: 0 }),
    /timeoutMs: expected a number above 0; got 0/,
  );
  await assert.rejects(
    pyrpc.connect("::1", 1, { maxFrameBytes: 2 ** 30 }),
    /expected 1 to 1073741823; got 1073741824/,
  );
});

test("a connection that breaks rejects all that waits, and what comes later", async () => {
  const broken = (socket) => socket.destroy();
  await withNode(broken, async (connection) => {
    const ended = await Promise.allSettled([connection.node.ping(), connection.node.ping()]);
    assert.deepEqual(
      ended.map(({ reason }) => reason?.name),
      ["ConnectionLostError", "ConnectionLostError"],
    );
    await assert.rejects(connection.node.ping(), {
      name: "ConnectionLostError",
      message: /has ended/,
    });
  });
});

test("close rejects all that waits", async () => {
  await withNode(
    () => {},
    async (connection) => {
      const waiting = connection.node.ping();
      connection.close();
      await assert.rejects(waiting, { name: "ConnectionLostError", message: /was closed/ });
    },
  );
});

test("a call that is late is rejected, and its connection closed", async () => {
  await withNode(
    () => {},
    async (connection) => {
      await assert.rejects(connection.node.ping(), {
        name: "DeadlineExceededError",
        message: /ping .* within 50 ms/,
      });
      await assert.rejects(connection.node.ping(), { name: "ConnectionLostError" });
    },
    { timeoutMs: 50 },
  );
});

test("a reply to no call ends the connection", async () => {
  const other = (socket) => socket.write(reply("ping", 77));
  await withNode(other, async (connection) => {
    await assert.rejects(connection.node.ping(), {
      name: "ProtocolError",
      message: /a reply to no call: .* 77/,
    });
  });
});

test("a frame above the limit ends the connection", async () => {
  const large = (socket) => socket.write(Buffer.from([0, 0, 4, 1]));
  await withNode(
    large,
    async (connection) => {
      await assert.rejects(connection.node.ping(), {
        name: "ProtocolError",
        message: /1025 bytes; expected at most 1024/,
      });
    },
    { maxFrameBytes: 1024 },
  );
});

test("a call that cannot be written leaves the connection as it was", async () => {
  const answer = (socket, bytes) =>
    socket.write(reply("release", bytes.readInt32BE(4 + 4 + 4 + 7)));
  await withNode(answer, async (connection) => {
    const stage = new StageInfo({ params: [], gives: [new TensorSpec({ dtypes: [1] })] });
    assert.throws(() => again(stage, BinaryProtocol), /writeString called without a string/);
    await assert.rejects(
      connection.node.call(5, [], {}, connection.options()),
      /writeString called without a string/,
    );
    await connection.node.release(null, connection.options());
  });
});
