// Calls a node that answers with anything, and says how each call ended.
"use strict";

const Interop = require("./gen/Interop");
const { DType } = require("./gen/pyrpc_types");
const { connect, toArray, toTensor } = require("./pyrpc");

async function outcome(client) {
  try {
    const tensor = toTensor(Uint8Array.from(Buffer.from("abcd")), [2, 2], { dtype: DType.UINT8 });
    const elements = toArray(await client.echo(tensor), Uint8Array);
    return Buffer.from(elements).toString() === "abcd" ? "ok" : `ok, but ${elements}`;
  } catch (error) {
    return `refused ${error.name} ${String(error.message).replaceAll("\n", " ")}`;
  }
}

async function main([host, port, protocol, count]) {
  const options = { timeoutMs: 5000, compact: protocol === "compact" };
  for (let index = 0; index < Number(count); index += 1) {
    const connection = await connect(host, Number(port), options);
    const client = connection.client(Interop);
    console.log(`${await outcome(client)} / ${await outcome(client)}`);
    connection.close();
  }
}

main(process.argv.slice(2));
