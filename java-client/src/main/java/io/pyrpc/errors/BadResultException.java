package io.pyrpc.errors;

/** The stage gave another number of rows, dtype or shape than it must. */
public final class BadResultException extends StageException {
    private static final long serialVersionUID = 1L;

    public BadResultException(String message) {
        this(message, Detail.NONE);
    }

    public BadResultException(String message, Detail detail) {
        super(message, detail);
    }
}
