package io.pyrpc;

import java.util.Iterator;

/**
 * The results of a map in the order of the rows, block by block, while the job goes on. Used once; for one thread.
 *
 * <pre>{@code
 * try (Blocks<NdArray> blocks = client.imap("Vision.extract", source)) {
 *     for (NdArray rows : blocks) { ... }
 * }
 * }</pre>
 *
 * <p>To stop early, close it: the job ends.
 *
 * @param <T> NdArray, or a list of such
 */
public interface Blocks<T> extends Iterable<T>, Iterator<T>, AutoCloseable {
    @Override
    default Iterator<T> iterator() {
        return this;
    }

    /** End the job, if it has not ended. */
    @Override
    void close();

    /** What went where, as far as it is known now. */
    Receipt receipt();
}
