package io.pyrpc;

/**
 * What a node had to do at the end of a call; times in microseconds.
 *
 * @param queued calls that wait for a thread
 * @param inFlight calls that run, this one included
 * @param queuedUs how long this call waited
 * @param serviceUs how long it ran
 * @param slots how many calls the node runs at the same time, or null: not told
 * @param msPerRow moving average of the stage that ran, or null: not told
 */
public record LoadReport(int queued, int inFlight, long queuedUs, long serviceUs, Integer slots, Double msPerRow) {}
