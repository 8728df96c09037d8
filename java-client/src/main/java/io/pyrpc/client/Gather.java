package io.pyrpc.client;

import io.pyrpc.plan.Chunk;
import io.pyrpc.wire.RowPlace;

/**
 * What a job does with the results of its chunks. Told of each chunk's result exactly once, in any order, from any
 * thread.
 *
 * <p>Rows of the result may be received from the network by one attempt while another attempt at them wins: so rows are
 * owned by one attempt at a time, and the winner's values are kept until the owners of any of its rows have let go.
 * Chunks may overlap: the rows of one that takes long are given to others in smaller pieces. Which rows are done is
 * kept too: none is taken twice, and nothing is returned before all are.
 */
interface Gather {
    /** Where this attempt's arrays may be received to; null: anywhere. */
    RowPlace lease(Chunk chunk, long attemptId);

    /** The attempt writes nothing any more, whatever became of it. */
    void release(Chunk chunk, long attemptId);

    /**
     * Take the chunk's result, once for each chunk; returns it as a user may see it.
     *
     * @throws io.pyrpc.errors.BadResultException it does not fit
     */
    Object put(Chunk chunk, long attemptId, Object value);

    /** A stream, of which it was not known before, has so many rows. */
    void end(long rows);

    /** The result of the job; all chunks were put and all attempts have let go. */
    Object finish();

    /** Whether nothing that was put still waits for an attempt to let go. */
    boolean isSettled();
}
