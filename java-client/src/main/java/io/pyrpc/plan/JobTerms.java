package io.pyrpc.plan;

/**
 * What a job was given beside its rows: who simulates it, or reads its receipt, wants to know.
 *
 * @param policy its name, or that of the class where it is a user's own
 * @param window attempts in flight on one node, at most; at first, where they may grow
 * @param idempotent whether a chunk may run twice
 * @param isDivisible whether rows could be cut anywhere; false: a grid that was fixed before
 * @param maxRows the most rows in one piece where rows could be cut; null: a grid, or a source that told its rows later
 * @param mostWindow to how many attempts in flight might grow; 0: not at all
 */
public record JobTerms(
        String policy, int window, boolean idempotent, boolean isDivisible, Long maxRows, int mostWindow) {
    /** The terms of a scheduler's job. */
    static JobTerms of(String policy, int window, boolean idempotent, Work work, int mostWindow) {
        boolean isDivisible = work instanceof DivisibleWork;
        Long maxRows = work instanceof DivisibleWork rows && !rows.isOpen() ? Long.valueOf(rows.maxRows()) : null;
        return new JobTerms(policy, window, idempotent, isDivisible, maxRows, mostWindow);
    }
}
