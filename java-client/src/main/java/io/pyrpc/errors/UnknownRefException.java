package io.pyrpc.errors;

/** A reference to data that the node does not hold (any more). */
public final class UnknownRefException extends CallerException {
    private static final long serialVersionUID = 1L;

    public UnknownRefException(String message) {
        this(message, Detail.NONE);
    }

    public UnknownRefException(String message, Detail detail) {
        super(message, detail);
    }
}
