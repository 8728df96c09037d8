// Rules of generated code on this library, with an IDL that has everything: run by node --test.
"use strict";

const assert = require("assert/strict");
const test = require("node:test");
const { Thrift } = require("thrift");
const Everyone = require("./gen/Everyone");
const { Color, Everything, Refused, Shape } = require("./gen/everything_types");
const { Missing, Point } = require("./gen/shared_types");
const { connect, fromValue, toArray, toTensor, toValue } = require("./pyrpc");

const { NODE_HOST, NODE_PORT } = process.env;

for (const compact of [false, true]) {
  const protocol = compact ? "compact" : "binary";

  const rule = (name, run) =>
    test(`${name}: ${protocol}`, async () => {
      const connection = await connect(NODE_HOST, Number(NODE_PORT), { compact });
      await run(connection.client(Everyone, "Everyone"));
      connection.close();
    });

  rule("numbers, texts and bytes travel, and defaults are sent", async (everyone) => {
    assert.equal(await everyone.hello("é"), "hello é");
    assert.equal(await everyone.ping(), undefined);
    assert.equal(await everyone.negate(true), false);
    assert.equal(await everyone.add_i8(1, -128), -127);
    assert.equal(await everyone.add_i16(-32_768, 1), -32_767);
    assert.equal(await everyone.add_i32(), 47);
    assert.equal(String(await everyone.add_i64(2n ** 62n, -5)), "4611686018427387899");
    assert.ok(Object.is(await everyone.add_double(-0, -0), -0));
    assert.deepEqual(await everyone.reversed(Buffer.of(0, 255, 7)), Buffer.of(7, 255, 0));
    assert.equal(await everyone.next_color(Color.BLUE), Color.RED);
  });

  rule("lists, sets and maps travel", async (everyone) => {
    const columns = [[1, 3], [2, 4]]; // prettier-ignore
    assert.deepEqual(await everyone.transposed([[1, 2], [3, 4]]), columns); // prettier-ignore
    assert.deepEqual(await everyone.both([1, 2], [2, 3]), [2]);
    assert.deepEqual(await everyone.lengths(["a", "bb"]), { a: 1, bb: 2 });
    assert.deepEqual(await everyone.path(2), [
      new Point({ x: 0, y: 0 }),
      new Point({ x: 1, y: 0 }),
    ]);
  });

  rule("structs, unions, arrays and values travel", async (everyone) => {
    const sent = new Everything({
      number: 5,
      flag: false,
      small: -3,
      large: 2n ** 60n,
      data: Buffer.from("x"),
      children: [new Everything({ number: 6 })],
      points: { "-5": new Point({ x: 1, y: -2.5 }) },
      shape: new Shape({ dot: new Point({ x: 1, y: 2 }) }),
      following: new Everything({ number: 7 }),
      pixels: toTensor(Float32Array.of(1.5)),
      values: [{ a: toValue([null, 3]) }],
    });
    const came = await everyone.echo(sent);
    assert.deepEqual(
      [came.number, came.flag, came.small, String(came.large)],
      [5, false, -3, String(2n ** 60n)],
    );
    assert.deepEqual([came.children[0].number, came.following.number], [6, 7]);
    assert.deepEqual([came.points, came.shape], [sent.points, sent.shape]);
    assert.deepEqual([came.data, came.names, came.short_number], [Buffer.from("x"), ["x"], null]);
    assert.deepEqual(toArray(came.pixels, Float32Array), Float32Array.of(1.5));
    assert.deepEqual(fromValue(came.values[0].a), [null, 3]);
    assert.equal((await everyone.scaled(new Shape({ radius: 2 }), 1.5)).radius, 3);
    assert.deepEqual(
      toArray(await everyone.doubled(toTensor(Float64Array.of(1, 2)))),
      Float64Array.of(2, 4),
    );
    assert.deepEqual(fromValue(await everyone.any(toValue({ a: true }))), { a: true });
  });

  rule("exceptions are those that are declared, or Thrift's", async (everyone) => {
    await assert.rejects(
      everyone.path(0),
      (error) => error instanceof Missing && error.why === "none",
    );
    await assert.rejects(
      everyone.path(-1),
      (error) => error instanceof Refused && error.code === 7,
    );
    await assert.rejects(everyone.check(1), { name: "Refused", code: 1, why: "one" });
    await assert.rejects(everyone.check(2), Thrift.TApplicationException);
    assert.equal(await everyone.check(0), undefined);
  });

  rule(
    "what is not answered is sent all the same, also if the connection is closed at once",
    async (everyone) => {
      assert.equal(await everyone.forget(7), undefined);
      await everyone.note(protocol);
    },
  );
}
