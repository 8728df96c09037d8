package io.pyrpc.errors;

/** Wrong count, names or types of arguments. */
public final class ArgumentException extends CallerException {
    private static final long serialVersionUID = 1L;

    public ArgumentException(String message) {
        this(message, Detail.NONE);
    }

    public ArgumentException(String message, Detail detail) {
        super(message, detail);
    }
}
