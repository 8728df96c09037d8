package io.pyrpc.errors;

/** An array changed on its way back. */
public final class ReplyChecksumException extends ChecksumException {
    private static final long serialVersionUID = 1L;

    public ReplyChecksumException(String message) {
        this(message, Detail.NONE);
    }

    public ReplyChecksumException(String message, Detail detail) {
        super(true, FailureClass.UNKNOWN, message, detail);
    }
}
