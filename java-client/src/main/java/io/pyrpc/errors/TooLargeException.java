package io.pyrpc.errors;

/** Over a limit: frame, chunk, container, nesting, name. */
public final class TooLargeException extends CallerException {
    private static final long serialVersionUID = 1L;

    public TooLargeException(String message) {
        this(message, Detail.NONE);
    }

    public TooLargeException(String message, Detail detail) {
        super(message, detail);
    }
}
