package io.pyrpc.client.receipt;

import java.util.Map;

/**
 * What one node did in a job.
 *
 * @param node which
 * @param rows of the result: what it gave and was taken
 * @param chunks the same in chunks
 * @param share of the rows of all nodes, from 0 to 1
 * @param busyS seconds for which at least one chunk ran on it
 * @param serviceS sum of the seconds of its chunks; more than busyS where several ran at the same time
 * @param rowsPerS rows a second while it was busy, also those that did not count; 0 if it answered nothing
 * @param outcomes how many attempts ended how
 * @param bytesOut bytes sent to it
 * @param bytesIn bytes received from it
 */
public record NodeWork(
        String node,
        long rows,
        long chunks,
        double share,
        double busyS,
        double serviceS,
        double rowsPerS,
        Map<Outcome, Long> outcomes,
        long bytesOut,
        long bytesIn) {}
