package io.pyrpc;

/**
 * Counters of one stage since the node started; times in microseconds.
 *
 * @param batches of a stage that is batched, or null
 * @param msPerRow moving average over the chunks that ran, or null: none did
 */
public record StageStats(
        long calls, long errors, long rows, long totalUs, long maxUs, BatchStats batches, Double msPerRow) {}
