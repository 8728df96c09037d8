package io.pyrpc.errors;

/** The node got the call after its time was over and did not start it. */
public final class ExpiredException extends PyrpcException {
    private static final long serialVersionUID = 1L;

    public ExpiredException(String message) {
        this(message, Detail.NONE);
    }

    public ExpiredException(String message, Detail detail) {
        super(Fault.CALLER, false, FailureClass.NOT_EXECUTED, message, detail);
    }
}
