package io.pyrpc.client;

/** A result that is known without any call: that of no rows. */
final class KnownResult extends RowsGather {
    private final Object value;

    KnownResult(Object value) {
        super("", 0);
        this.value = value;
    }

    @Override
    public Object finish() {
        return value;
    }
}
