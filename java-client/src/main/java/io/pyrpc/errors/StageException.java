package io.pyrpc.errors;

/** The stage ran, and what it did is at fault. */
public abstract class StageException extends PyrpcException {
    private static final long serialVersionUID = 1L;

    StageException(Fault fault, boolean mayHaveRun, FailureClass failureClass, String message, Detail detail) {
        super(fault, mayHaveRun, failureClass, message, detail);
    }

    StageException(String message, Detail detail) {
        this(Fault.STAGE, true, FailureClass.FINAL, message, detail);
    }
}
