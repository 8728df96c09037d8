package io.pyrpc.errors;

/** The arrays of one map or reduce have different numbers of rows. */
public final class LengthMismatchException extends CallerException {
    private static final long serialVersionUID = 1L;

    public LengthMismatchException(String message) {
        this(message, Detail.NONE);
    }

    public LengthMismatchException(String message, Detail detail) {
        super(message, detail);
    }
}
