package io.pyrpc.client.receipt;

/**
 * One attempt at one chunk. Times are seconds since the job began.
 *
 * @param chunk number of the chunk
 * @param startRow first row
 * @param stopRow row after the last
 * @param node where
 * @param attempt 0 for the first
 * @param slot which of the node's attempts at the same time; for drawing
 * @param sentS when it was sent
 * @param doneS when it ended
 * @param queuedS seconds it waited on the node; 0 where the node did not tell
 * @param serviceS seconds it ran on the node; 0 where the node did not tell
 * @param bytesOut bytes sent, frames included
 * @param bytesIn bytes received, frames included
 * @param outcome how it ended
 * @param error in one line, or null
 * @param prepareS seconds the client itself took at its beginning: putting the result before it in place, encoding, and
 *     taking a connection; 0 where it never got one
 * @param repliedS when its reply began to arrive; 0 where that is not known
 * @param errorType the error's class as the Python client names it, or null
 */
public record ChunkRecord(
        long chunk,
        long startRow,
        long stopRow,
        String node,
        int attempt,
        int slot,
        double sentS,
        double doneS,
        double queuedS,
        double serviceS,
        long bytesOut,
        long bytesIn,
        Outcome outcome,
        String error,
        double prepareS,
        double repliedS,
        String errorType) {
    /** How many rows. */
    public long rows() {
        return stopRow - startRow;
    }

    /** Whether the stage ran to its end and its result came. */
    public boolean isAnswered() {
        return outcome == Outcome.OK || outcome == Outcome.LATE;
    }

    ChunkRecord withSlot(int number) {
        return new ChunkRecord(
                chunk, startRow, stopRow, node, attempt, number, sentS, doneS, queuedS, serviceS, bytesOut, bytesIn,
                outcome, error, prepareS, repliedS, errorType);
    }
}
