package io.pyrpc.errors;

/** The token is missing or wrong, or does not give the right to this stage ({@link #isDenied()}). */
public final class AuthException extends CallerException {
    private static final long serialVersionUID = 1L;

    private final boolean isDenied;

    public AuthException(String message, Detail detail, boolean isDenied) {
        super(message, detail);
        this.isDenied = isDenied;
    }

    /** Whether the token is known and lacks the right, rather than missing or wrong. */
    public boolean isDenied() {
        return isDenied;
    }
}
