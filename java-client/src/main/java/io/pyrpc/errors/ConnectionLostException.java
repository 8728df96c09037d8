package io.pyrpc.errors;

/** The connection broke after the call was sent: it may have run. */
public final class ConnectionLostException extends NodeException {
    private static final long serialVersionUID = 1L;

    public ConnectionLostException(String message) {
        this(message, Detail.NONE);
    }

    public ConnectionLostException(String message, Detail detail) {
        super(Fault.NETWORK, true, FailureClass.UNKNOWN, message, detail);
    }
}
