package io.pyrpc.plan;

/**
 * Some rows of a job.
 *
 * @param index its place in the result
 * @param start its first row
 * @param stop the row after its last one
 */
public record Chunk(int index, long start, long stop) {
    /** How many rows. */
    public long rows() {
        return stop - start;
    }
}
