package io.pyrpc.errors;

/** The node is going away and takes no new work. */
public final class DrainingException extends NodeException {
    private static final long serialVersionUID = 1L;

    public DrainingException(String message) {
        this(message, Detail.NONE);
    }

    public DrainingException(String message, Detail detail) {
        super(Fault.NODE, false, FailureClass.NOT_EXECUTED, message, detail);
    }
}
