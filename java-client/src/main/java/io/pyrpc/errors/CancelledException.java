package io.pyrpc.errors;

/** The job or call was cancelled. */
public final class CancelledException extends PyrpcException {
    private static final long serialVersionUID = 1L;

    public CancelledException(String message) {
        this(message, Detail.NONE);
    }

    public CancelledException(String message, Detail detail) {
        super(Fault.CALLER, true, FailureClass.FINAL, message, detail);
    }
}
