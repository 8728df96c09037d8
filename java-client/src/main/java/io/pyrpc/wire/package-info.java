/**
 * Values and messages as bytes, as {@code thrift/SPEC.md} tells; for the client's own use.
 *
 * <p>Messages are read while they arrive, each length and count checked against its frame before memory is taken. Only
 * this package sees generated code.
 */
package io.pyrpc.wire;
