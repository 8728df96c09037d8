package io.pyrpc.errors;

/** The node or the way to it is at fault. */
public abstract class NodeException extends PyrpcException {
    private static final long serialVersionUID = 1L;

    NodeException(Fault fault, boolean mayHaveRun, FailureClass failureClass, String message, Detail detail) {
        super(fault, mayHaveRun, failureClass, message, detail);
    }

    NodeException(String message, Detail detail) {
        this(Fault.NODE, true, FailureClass.FINAL, message, detail);
    }
}
