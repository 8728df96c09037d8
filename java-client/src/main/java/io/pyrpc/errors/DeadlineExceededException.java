package io.pyrpc.errors;

/** The time given for the call is over; it may have run. */
public final class DeadlineExceededException extends PyrpcException {
    private static final long serialVersionUID = 1L;

    public DeadlineExceededException(String message) {
        this(message, Detail.NONE);
    }

    public DeadlineExceededException(String message, Detail detail) {
        super(Fault.CALLER, true, FailureClass.UNKNOWN, message, detail);
    }
}
