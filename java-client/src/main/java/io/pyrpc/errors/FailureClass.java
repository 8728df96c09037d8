package io.pyrpc.errors;

/** What a failure means for whoever would send the same call again. */
public enum FailureClass {
    /** Not executed: always safe to send again. */
    NOT_EXECUTED,
    /** May have run: safe to send again only where a second run does no harm. */
    UNKNOWN,
    /** An answer that another try would not change. */
    FINAL
}
