package io.pyrpc.errors;

/** An array changed on its way to the node, which noticed: nothing ran. */
public final class CallChecksumException extends ChecksumException {
    private static final long serialVersionUID = 1L;

    public CallChecksumException(String message) {
        this(message, Detail.NONE);
    }

    public CallChecksumException(String message, Detail detail) {
        super(false, FailureClass.NOT_EXECUTED, message, detail);
    }
}
