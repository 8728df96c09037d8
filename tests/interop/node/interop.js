// Checks a node from Node.js, and prints a line for each check.
"use strict";

const assert = require("assert/strict");
const { readFileSync } = require("fs");
const Interop = require("./gen/Interop");
const { Mood, Region } = require("./gen/interop_types");
const { DType, ErrorCode, RpcError } = require("./gen/pyrpc_types");
const pyrpc = require("./pyrpc");
const { connect, fromValue, shapeOf, toArray, toNumber, toTensor, toValue } = pyrpc;

const MB = 2 ** 20;

/** Each check: its name, and what gives a note or nothing, or raises. */
function checks(address, options, connection) {
  const client = connection.client(Interop, "Interop");
  const { node } = connection;

  async function add(service) {
    assert.equal(toNumber(await service.add(1, 2)), 3);
  }

  async function generic() {
    const first = await node.call(
      "Interop.add",
      [toValue(1)],
      { b: toValue(5) },
      connection.options(),
    );
    assert.equal(fromValue(first.value), 6);
    const large = [toValue(2 ** 40), toValue(1)];
    const second = await node.call("Interop.add", large, {}, connection.options());
    assert.equal(fromValue(second.value), 2 ** 40 + 1);
    // Digits that a number does not hold.
    const exact = await client.add(2n ** 62n, 3n);
    assert.equal(String(exact), "4611686018427387907");
    assert.throws(() => exact + 1, RangeError);
  }

  async function struct() {
    const region = new Region({
      x: 2,
      y: 3,
      label: "é",
      moods: [Mood.CALM],
      scores: { a: 0.5 },
      pixels: pyrpc.zeros(DType.UINT8, [2, 2]),
    });
    const grown = await client.grown(region);
    assert.deepEqual([toNumber(grown.x), grown.y, grown.label], [3, 3, "é"]);
    assert.deepEqual(grown.moods, [Mood.CALM, Mood.LOUD]);
    assert.deepEqual(grown.scores, { a: 0.5, area: 6 });
    assert.deepEqual(toArray(grown.pixels, Uint8Array), Uint8Array.of(1, 1, 1, 1));
    const bare = await client.grown(new Region({ x: 2, y: 3 }));
    assert.deepEqual([bare.label, bare.pixels], [null, null]);
  }

  async function text() {
    assert.equal(await client.reversed("aé😀"), "😀éa");
  }

  async function large() {
    const rows = 1_000_000;
    const elements = Float32Array.from({ length: 4 * rows }, (_, index) => index % 1000);
    const tensor = toTensor(elements, [rows, 4]);
    const compare = (result) => {
      assert.deepEqual(shapeOf(result), [rows, 4]);
      const found = toArray(result, Float32Array);
      assert.equal(found.length, elements.length);
      const wrong = found.findIndex((element, index) => element !== 2 * elements[index]);
      assert.equal(wrong, -1, `element ${wrong} is ${found[wrong]}`);
    };
    compare(await client.doubled(tensor));
    const reply = await node.run(
      "Interop.doubled",
      [toValue(tensor)],
      {},
      rows,
      connection.options(),
    );
    compare(fromValue(reply.value));
  }

  async function larger() {
    const elements = Uint8Array.from({ length: 64 * MB }, (_, index) => index % 251);
    const compare = (result) =>
      assert.equal(Buffer.compare(toArray(result, Uint8Array), elements), 0);
    const reply = await node.call(
      "Interop.echo",
      [toValue(elements.subarray())],
      {},
      connection.options(),
    );
    compare(fromValue(reply.value));
    compare(await client.echo(toTensor(elements)));
  }

  async function typedError() {
    const wrong = toTensor(new Int32Array(8), [2, 4]);
    await assert.rejects(client.doubled(wrong), (error) => {
      assert(error instanceof RpcError && error instanceof Error, String(error));
      assert.equal(error.code, ErrorCode.CONTRACT_VIOLATED);
      return Boolean(error.expected && error.got);
    });
    await assert.rejects(client.fail("on purpose"), (error) => {
      assert.equal(error.code, ErrorCode.STAGE_FAILED);
      assert.equal(error.remote_type, "ValueError");
      return error.message.includes("on purpose");
    });
    await add(client);
  }

  async function deadline() {
    const minute = connection.options({ remainingMs: 60_000 });
    const left = fromValue((await node.call("Interop.left_s", [], {}, minute)).value);
    assert(left > 0 && left <= 60, `${left} s are left of 60`);
    const none = connection.options({ remainingMs: 0 });
    await assert.rejects(node.call("Interop.left_s", [], {}, none), { code: ErrorCode.EXPIRED });
    const impatient = await connect(...address, { ...options, timeoutMs: 500 });
    const service = impatient.client(Interop, "Interop");
    const began = Date.now();
    const calls = [service.sleep(10), service.add(1, 2)];
    const [sleep, behind] = await Promise.allSettled(calls);
    assert(Date.now() - began < 5000, `after ${Date.now() - began} ms`);
    assert(sleep.reason instanceof pyrpc.DeadlineExceededError, String(sleep.reason));
    assert(behind.reason instanceof pyrpc.ConnectionLostError, String(behind.reason));
    await assert.rejects(service.add(1, 2), pyrpc.ConnectionLostError);
  }

  async function tls() {
    const port = Number(process.env.PYRPC_TLS_PORT);
    const token = process.env.PYRPC_TLS_TOKEN;
    const trusted = { ca: readFileSync(process.env.PYRPC_TLS_CA) };
    const secure = await connect("localhost", port, { ...options, tls: trusted, token });
    const sum = await secure.client(Interop, "Interop").add(1, 2);
    const call = await secure.node.call(
      "Interop.add",
      [toValue(1), toValue(2)],
      {},
      secure.options(),
    );
    assert.deepEqual([toNumber(sum), fromValue(call.value)], [3, 3]);
    secure.close();
    for (const wrong of [undefined, "wrong"]) {
      const refused = connect("localhost", port, { ...options, tls: trusted, token: wrong });
      await assert.rejects(refused, { name: "RpcError", code: ErrorCode.UNAUTHENTICATED });
    }
    const stranger = connect("localhost", port, { ...options, tls: {}, token });
    await assert.rejects(stranger, {
      name: "UnreachableError",
      message: /unable to verify|self-signed/,
    });
    const other = connect("127.0.0.1", port, { ...options, tls: trusted, token });
    await assert.rejects(other, { name: "UnreachableError", message: /does not match/ });
  }

  /** Arrays in both directions; bits are compared, since NaT, -0 and infinities count. */
  function dtype(name, elements, unit) {
    return async () => {
      const number = DType[name.toUpperCase()];
      const sample = await client.sample(name);
      assert.deepEqual(
        [sample.dtype, sample.unit, shapeOf(sample)],
        [number, unit ?? null, [2, 3]],
      );
      const found = toArray(sample, elements.constructor);
      assert.deepEqual(
        Buffer.from(found.buffer, found.byteOffset, found.byteLength),
        Buffer.from(elements.buffer),
      );
      await client.check(name, toTensor(elements, [2, 3], { dtype: number, unit }));
      return elements.constructor.name;
    };
  }

  function texts(name, elements) {
    return async () => {
      assert.deepEqual(toArray(await client.sample(name)), elements);
      await client.check(name, toTensor(elements, [2, 3], { dtype: DType[name.toUpperCase()] }));
      return "string[]";
    };
  }

  const integers = (Type, ...first) => Type.from([...first, 3, -2, -1]);
  const signed = (Type, bits) =>
    Type.from([-(2 ** (bits - 1)), -1, 0, 3, 2 ** (bits - 1) - 2, 2 ** (bits - 1) - 1]);
  const floats = [-1.5, -0, 0, 0.5, 2, Infinity];
  const pairs = [0, 1, 2, 3, 4, 5].flatMap((index) => [index + 0.5, index ? -index : 0]);
  const counts = BigInt64Array.of(0n, 1n, -1n, 1000n, 86_400_000n, -(2n ** 63n));
  return {
    ping: async () => assert.equal((await node.ping()).protocol_version, 1),
    "typed call": () => add(client),
    "plain name": () => add(connection.client(Interop)),
    "generic call": generic,
    struct,
    text,
    "16 MB": large,
    "64 MiB": larger,
    "typed error": typedError,
    deadline,
    tls,
    "dtype bool": dtype("bool", Uint8Array.of(1, 0, 1, 1, 0, 0)),
    "dtype int8": dtype("int8", signed(Int8Array, 8)),
    "dtype int16": dtype("int16", signed(Int16Array, 16)),
    "dtype int32": dtype("int32", signed(Int32Array, 32)),
    "dtype int64": dtype(
      "int64",
      BigInt64Array.of(-(2n ** 63n), -1n, 0n, 3n, 2n ** 63n - 2n, 2n ** 63n - 1n),
    ),
    "dtype uint8": dtype("uint8", integers(Uint8Array, 0, 1, 2)),
    "dtype uint16": dtype("uint16", integers(Uint16Array, 0, 1, 2)),
    "dtype uint32": dtype("uint32", integers(Uint32Array, 0, 1, 2)),
    "dtype uint64": dtype(
      "uint64",
      BigUint64Array.of(0n, 1n, 2n, 3n, 2n ** 64n - 2n, 2n ** 64n - 1n),
    ),
    "dtype float16": dtype("float16", Uint16Array.of(0xbe00, 0x8000, 0, 0x3800, 0x4000, 0x7c00)),
    "dtype bfloat16": dtype("bfloat16", Uint16Array.of(0xbfc0, 0x8000, 0, 0x3f00, 0x4000, 0x7f80)),
    "dtype float32": dtype("float32", Float32Array.from(floats)),
    "dtype float64": dtype("float64", Float64Array.from(floats)),
    "dtype complex64": dtype("complex64", Float32Array.from(pairs)),
    "dtype complex128": dtype("complex128", Float64Array.from(pairs)),
    "dtype datetime64": dtype("datetime64", counts, "ns"),
    "dtype timedelta64": dtype("timedelta64", counts, "ms"),
    "dtype bytes": texts("bytes", ["", "a", "ab", "abc", "x", "y\0z"]),
    "dtype unicode": texts("unicode", ["", "a", "ab", "é", "😀", "z😀"]),
    "dtype string": texts("string", ["", "a", "ab", "é", "😀", "longer than all the others"]),
  };
}

async function main([host, port, protocol]) {
  const options = { compact: protocol === "compact" };
  const address = [host, Number(port)];
  const connection = await connect(...address, options);
  for (const [name, check] of Object.entries(checks(address, options, connection))) {
    try {
      const note = await check();
      console.log(note ? `ok ${name}: ${note}` : `ok ${name}`);
    } catch (error) {
      console.log(`fail ${name}: ${String(error).replaceAll("\n", " ")}`);
    }
  }
  connection.close();
}

main(process.argv.slice(2));
