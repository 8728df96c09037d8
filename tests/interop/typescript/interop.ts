// Checks a node from TypeScript, and prints a line for each check.

import { strict as assert } from "assert";
import { readFileSync } from "fs";

import * as Interop from "../gen/Interop";
import { Mood, Region } from "../gen/interop_types";
import { DType, ErrorCode, RpcError, Tensor } from "../gen/pyrpc_types";
import * as pyrpc from "../pyrpc";
import { connect, fromValue, int64, shapeOf, toArray, toNumber, toTensor, toValue } from "../pyrpc";

type Check = () => Promise<string | void>;
type Address = [host: string, port: number];
type Options = NonNullable<Parameters<typeof connect>[2]>;
type Numbers = Parameters<typeof toTensor>[0] & ArrayBufferView;
type NumbersType = new (buffer: ArrayBuffer, byteOffset: number, length: number) => any;

const MB = 2 ** 20;
// By the names of NumPy.
const DTYPES = {
  bool: DType.BOOL,
  int8: DType.INT8,
  int16: DType.INT16,
  int32: DType.INT32,
  int64: DType.INT64,
  uint8: DType.UINT8,
  uint16: DType.UINT16,
  uint32: DType.UINT32,
  uint64: DType.UINT64,
  float16: DType.FLOAT16,
  bfloat16: DType.BFLOAT16,
  float32: DType.FLOAT32,
  float64: DType.FLOAT64,
  complex64: DType.COMPLEX64,
  complex128: DType.COMPLEX128,
  datetime64: DType.DATETIME64,
  timedelta64: DType.TIMEDELTA64,
  bytes: DType.BYTES,
  unicode: DType.UNICODE,
  string: DType.STRING,
};

/** Each check: its name, and what gives a note or nothing, or raises. */
function checks(
  address: Address,
  options: Options,
  connection: pyrpc.Connection,
): Record<string, Check> {
  const client = connection.client(Interop, "Interop");
  const { node } = connection;

  async function add(service: Interop.Client) {
    assert.equal(toNumber(await service.add(int64(1), int64(2))), 3);
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
    const exact = await client.add(int64(2n ** 62n), int64(3n));
    assert.equal(String(exact), "4611686018427387907");
    assert.throws(() => Number(exact), RangeError);
  }

  async function struct() {
    const region = new Region({
      x: int64(2),
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
    assert.deepEqual(toArray(grown.pixels!, Uint8Array), Uint8Array.of(1, 1, 1, 1));
    const bare = await client.grown(new Region({ x: int64(2), y: 3, moods: [], scores: {} }));
    assert.deepEqual([bare.label, bare.pixels], [null, null]);
  }

  async function text() {
    assert.equal(await client.reversed("aé😀"), "😀éa");
  }

  async function large() {
    const rows = 1_000_000;
    const elements = Float32Array.from({ length: 4 * rows }, (_, index) => index % 1000);
    const tensor = toTensor(elements, [rows, 4]);
    const compare = (result: Tensor) => {
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
      int64(rows),
      connection.options(),
    );
    compare(fromValue(reply.value));
  }

  async function larger() {
    const elements = Uint8Array.from({ length: 64 * MB }, (_, index) => index % 251);
    const compare = (result: Tensor) =>
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
    await assert.rejects(client.doubled(wrong), (error: unknown) => {
      assert(error instanceof RpcError && error instanceof Error, String(error));
      assert.equal(error.code, ErrorCode.CONTRACT_VIOLATED);
      return Boolean(error.expected && error.got);
    });
    await assert.rejects(client.fail("on purpose"), (error: RpcError) => {
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
    const calls = [service.sleep(10), service.add(int64(1), int64(2))];
    const [sleep, behind] = await Promise.allSettled(calls);
    assert(Date.now() - began < 5000, `after ${Date.now() - began} ms`);
    assert(
      sleep.status === "rejected" && sleep.reason instanceof pyrpc.DeadlineExceededError,
      String(sleep),
    );
    assert(
      behind.status === "rejected" && behind.reason instanceof pyrpc.ConnectionLostError,
      behind.status,
    );
    await assert.rejects(service.add(int64(1), int64(2)), pyrpc.ConnectionLostError);
  }

  async function tls() {
    const port = Number(process.env.PYRPC_TLS_PORT);
    const token = process.env.PYRPC_TLS_TOKEN;
    const trusted = { ca: readFileSync(process.env.PYRPC_TLS_CA!) };
    const secure = await connect("localhost", port, { ...options, tls: trusted, token });
    const sum = await secure.client(Interop, "Interop").add(int64(1), int64(2));
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
  function dtype(name: keyof typeof DTYPES, elements: Numbers, unit?: string): Check {
    return async () => {
      const number = DTYPES[name];
      const sample = await client.sample(name);
      assert.deepEqual(
        [sample.dtype, sample.unit, shapeOf(sample)],
        [number, unit ?? null, [2, 3]],
      );
      const found = toArray(sample, elements.constructor as NumbersType);
      assert.deepEqual(
        Buffer.from(found.buffer, found.byteOffset, found.byteLength),
        Buffer.from(elements.buffer),
      );
      await client.check(name, toTensor(elements, [2, 3], { dtype: number, unit }));
      return elements.constructor.name;
    };
  }

  function texts(name: keyof typeof DTYPES, elements: string[]): Check {
    return async () => {
      assert.deepEqual(toArray(await client.sample(name)), elements);
      await client.check(name, toTensor(elements, [2, 3], { dtype: DTYPES[name] }));
      return "string[]";
    };
  }

  const integers = <T>(Type: { from(numbers: number[]): T }, ...first: number[]) =>
    Type.from([...first, 3, -2, -1]);
  const signed = <T>(Type: { from(numbers: number[]): T }, bits: number) =>
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

/** What the types of the library must not let through: a line that is let through does not build. */
export async function mistakes(connection: pyrpc.Connection) {
  // @ts-expect-error: the port is a number
  await connect("localhost", "9090");
  // @ts-expect-error: the option is called timeoutMs
  await connect("localhost", 9090, { timeout: 3 });
  // @ts-expect-error: it is a client of Interop
  const client: string = connection.client(Interop, "Interop");
  // @ts-expect-error: numbers are typed arrays
  toTensor([1, 2]);
  // @ts-expect-error: it is what was asked for
  const wrong: Float64Array = toArray(toTensor(["a"]), Float32Array);
}

async function main([host, port, protocol]: string[]) {
  const options = { compact: protocol === "compact" };
  const address: Address = [host, Number(port)];
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
