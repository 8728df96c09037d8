package io.pyrpc.errors;

/** Who has to change something. */
public enum Fault {
    CALLER,
    STAGE,
    NODE,
    NETWORK
}
