package io.pyrpc.errors;

/** No TLS session: a certificate does not hold, or one end speaks TLS and the other does not. Nothing ran. */
public final class TlsException extends NodeException {
    private static final long serialVersionUID = 1L;

    public TlsException(String message) {
        this(message, Detail.NONE);
    }

    public TlsException(String message, Detail detail) {
        super(Fault.NETWORK, false, FailureClass.NOT_EXECUTED, message, detail);
    }
}
