package io.pyrpc.errors;

/** A type or dtype that does not travel. */
public final class UnsupportedTypeException extends CallerException {
    private static final long serialVersionUID = 1L;

    public UnsupportedTypeException(String message) {
        this(message, Detail.NONE);
    }

    public UnsupportedTypeException(String message, Detail detail) {
        super(message, detail);
    }
}
