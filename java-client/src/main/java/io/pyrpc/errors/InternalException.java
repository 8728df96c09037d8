package io.pyrpc.errors;

/** A fault of pyrpc itself; please report it. */
public final class InternalException extends NodeException {
    private static final long serialVersionUID = 1L;

    public InternalException(String message) {
        this(message, Detail.NONE);
    }

    public InternalException(String message, Detail detail) {
        super(message, detail);
    }
}
