package io.pyrpc.errors;

/** Bytes that are not the Thrift message they should be. */
public final class ProtocolException extends NodeException {
    private static final long serialVersionUID = 1L;

    public ProtocolException(String message) {
        this(message, Detail.NONE);
    }

    public ProtocolException(String message, Detail detail) {
        super(message, detail);
    }
}
