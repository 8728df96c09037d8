package io.pyrpc.errors;

/** The node has too much to do; {@link #retryAfter()} tells when to come back. */
public final class OverloadedException extends NodeException {
    private static final long serialVersionUID = 1L;

    public OverloadedException(String message) {
        this(message, Detail.NONE);
    }

    public OverloadedException(String message, Detail detail) {
        super(Fault.NODE, false, FailureClass.NOT_EXECUTED, message, detail);
    }
}
