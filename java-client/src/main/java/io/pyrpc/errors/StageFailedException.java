package io.pyrpc.errors;

/** The stage raised. {@link #remoteType()} and {@link #remoteTraceback()} tell what and where. */
public final class StageFailedException extends StageException {
    private static final long serialVersionUID = 1L;

    public StageFailedException(String message) {
        this(message, Detail.NONE);
    }

    public StageFailedException(String message, Detail detail) {
        super(message, detail);
    }
}
