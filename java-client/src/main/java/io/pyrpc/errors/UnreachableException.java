package io.pyrpc.errors;

/** No connection, or it broke before the call was sent whole: nothing ran. */
public final class UnreachableException extends NodeException {
    private static final long serialVersionUID = 1L;

    public UnreachableException(String message) {
        this(message, Detail.NONE);
    }

    public UnreachableException(String message, Detail detail) {
        super(Fault.NETWORK, false, FailureClass.NOT_EXECUTED, message, detail);
    }
}
