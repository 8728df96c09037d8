package io.pyrpc.errors;

/** The worker process died while the call ran. */
public final class WorkerLostException extends NodeException {
    private static final long serialVersionUID = 1L;

    public WorkerLostException(String message) {
        this(message, Detail.NONE);
    }

    public WorkerLostException(String message, Detail detail) {
        super(Fault.NODE, true, FailureClass.UNKNOWN, message, detail);
    }
}
