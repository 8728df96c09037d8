package io.pyrpc.errors;

/** No such service, method or stage; {@link #help()} names the nearest. */
public final class UnknownMethodException extends CallerException {
    private static final long serialVersionUID = 1L;

    public UnknownMethodException(String message) {
        this(message, Detail.NONE);
    }

    public UnknownMethodException(String message, Detail detail) {
        super(message, detail);
    }
}
