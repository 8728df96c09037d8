package io.pyrpc;

/**
 * Marks an array that map and reduce send whole with each chunk, instead of splitting it.
 *
 * <p>{@code client.map("Model.predict", images, Broadcast.of(weights))}. Arrays of 1 MiB and more travel once to each
 * node and are kept there for all chunks: the stage gets them read-only.
 */
public final class Broadcast {
    private final Object value;

    private Broadcast(Object value) {
        this.value = value;
    }

    /** Mark an array, or any value that travels. Not copied. */
    public static Broadcast of(Object value) {
        return value instanceof Broadcast marked ? marked : new Broadcast(value);
    }

    /** What is marked. */
    public Object value() {
        return value;
    }
}
