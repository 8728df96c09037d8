// What the bindings offer beside the generated code: all of it in one place.
"use strict";

const connection = require("./connection");
const errors = require("./errors");
const { int64, toBigInt, toNumber } = require("./int64");
const { shapeOf, toArray, toTensor, zeros } = require("./tensor");
const { fromValue, toValue } = require("./value");

/**
 * @typedef {import("./connection").Connection} Connection
 * @typedef {import("./connection").ConnectOptions} ConnectOptions
 * @typedef {import("./tensor").Numbers} Numbers
 */

module.exports = {
  connect: connection.connect,
  Connection: connection.Connection,
  MAX_FRAME_BYTES: connection.MAX_FRAME_BYTES,
  int64,
  toBigInt,
  toNumber,
  toTensor,
  toArray,
  shapeOf,
  zeros,
  toValue,
  fromValue,
  UnreachableError: errors.UnreachableError,
  ConnectionLostError: errors.ConnectionLostError,
  DeadlineExceededError: errors.DeadlineExceededError,
  ProtocolError: errors.ProtocolError,
};
