package io.pyrpc.wire;

/** Names a value that a node holds. */
public record Ref(String id) {}
