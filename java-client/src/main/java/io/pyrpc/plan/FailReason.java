package io.pyrpc.plan;

/** Why a job cannot be finished. */
public enum FailReason {
    /** An answer that another try would not change. */
    FINAL,
    /** A call that may have run and must not run twice. */
    UNKNOWN,
    /** A chunk that failed too often. */
    EXHAUSTED,
    /** No node was up for too long. */
    NO_NODES,
    /** The caller's own policy picked no node. */
    POLICY
}
