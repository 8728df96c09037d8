package io.pyrpc.errors;

/** The data of an array is not what was sent: its CRC32C differs. */
public abstract class ChecksumException extends NodeException {
    private static final long serialVersionUID = 1L;

    ChecksumException(boolean mayHaveRun, FailureClass failureClass, String message, Detail detail) {
        super(Fault.NETWORK, mayHaveRun, failureClass, message, detail);
    }
}
