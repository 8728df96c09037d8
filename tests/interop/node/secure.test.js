// Rules of connections to a node that speaks TLS and asks for a token: run by node --test.
"use strict";

const assert = require("assert/strict");
const fs = require("fs");
const net = require("net");
const test = require("node:test");
const Interop = require("./gen/Interop");
const { ErrorCode } = require("./gen/pyrpc_types");
const { connect, toArray, toTensor } = require("./pyrpc");

const { NODE_HOST, NODE_PORT, NODE_AUTHORITY } = process.env;
const tls = { ca: fs.readFileSync(NODE_AUTHORITY) };
const open = (options, host = NODE_HOST) => connect(host, Number(NODE_PORT), options);

test("calls and arrays travel", async () => {
  for (const compact of [false, true]) {
    const connection = await open({ tls, compact, token: "s3cret" });
    const client = connection.client(Interop, "Interop");
    const elements = Float64Array.from({ length: 2_500_000 }, (_, index) => index);
    assert.equal(Number(await client.add(1, 2)), 3);
    assert.deepEqual(toArray(await client.echo(toTensor(elements))), elements);
    connection.close();
  }
});

test("a missing or wrong token is said when it connects", async () => {
  for (const token of [undefined, "wr0ng"]) {
    await assert.rejects(open({ tls, token }), {
      name: "RpcError",
      code: ErrorCode.UNAUTHENTICATED,
    });
  }
});

test("a certificate of nobody who is trusted is refused", async () => {
  await assert.rejects(open({ tls: {} }), {
    name: "UnreachableError",
    message: /unable to verify/,
  });
});

test("a certificate for another host is refused", async () => {
  await assert.rejects(open({ tls }, "localhost"), {
    name: "UnreachableError",
    message: /does not match/,
  });
});

test("without TLS the node says so", async () => {
  await assert.rejects(open({}), { name: "UnreachableError", message: /this node speaks TLS/ });
});

test("a node that does not answer the handshake is given up", async () => {
  const server = net.createServer((socket) => socket.resume());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const silent = connect("127.0.0.1", server.address().port, { tls, timeoutMs: 200 });
  await assert.rejects(silent, { name: "UnreachableError", message: /no answer within 200 ms/ });
  server.close();
});
