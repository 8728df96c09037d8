package io.pyrpc;

/** What a node says of itself. */
public enum NodeState {
    /** It takes calls. */
    SERVING,
    /** It refuses new calls and finishes what runs. */
    DRAINING,
    /** It takes none. */
    NOT_SERVING
}
