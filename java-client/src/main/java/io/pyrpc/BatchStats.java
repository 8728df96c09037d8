package io.pyrpc;

/**
 * Batches of one stage since the node started; five of the counters tell why they were sent.
 *
 * @param full no room for more rows
 * @param delay the time to wait for others was over
 * @param nobodyElse no other call was there
 * @param drain the node drains
 * @param incompatible the other calls did not fit together with it
 * @param ranSingly calls that ran again, one by one, since their batch failed
 */
public record BatchStats(
        long batches,
        long calls,
        long rows,
        long full,
        long delay,
        long nobodyElse,
        long drain,
        long incompatible,
        long ranSingly) {}
