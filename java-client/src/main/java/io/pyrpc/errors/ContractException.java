package io.pyrpc.errors;

/** An array's dtype or shape does not fit what the stage declares. */
public final class ContractException extends CallerException {
    private static final long serialVersionUID = 1L;

    public ContractException(String message) {
        this(message, Detail.NONE);
    }

    public ContractException(String message, Detail detail) {
        super(message, detail);
    }
}
