package io.pyrpc.errors;

/** The call as it was made cannot work; nothing ran. */
public abstract class CallerException extends PyrpcException {
    private static final long serialVersionUID = 1L;

    CallerException(Fault fault, boolean mayHaveRun, FailureClass failureClass, String message, Detail detail) {
        super(fault, mayHaveRun, failureClass, message, detail);
    }

    CallerException(String message, Detail detail) {
        this(Fault.CALLER, false, FailureClass.FINAL, message, detail);
    }
}
