package io.pyrpc.errors;

/** An option, endpoint, policy or declaration that makes no sense. */
public final class ConfigException extends CallerException {
    private static final long serialVersionUID = 1L;

    public ConfigException(String message) {
        this(message, Detail.NONE);
    }

    public ConfigException(String message, Detail detail) {
        super(message, detail);
    }
}
