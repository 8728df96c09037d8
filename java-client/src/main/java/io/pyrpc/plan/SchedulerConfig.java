package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.util.Map;

/**
 * How a job is to be handed out; immutable.
 *
 * @param window attempts in flight on one node, hedges and cancelled ones not yet reported included
 * @param mostWindow to how many they may grow where that makes a node do more (see NodeWindow); not above window: not
 *     at all
 * @param windows those of an earlier job, by the names of the nodes
 * @param retry attempts and backoff of chunks whose failure leaves their node up
 * @param idempotent whether a chunk may run twice
 * @param hedge whether stragglers may be duplicated (idempotent jobs only)
 * @param giveUpS how long all nodes may be down, in seconds
 * @param policy who gets the next piece
 */
public record SchedulerConfig(
        int window,
        int mostWindow,
        Map<String, NodeWindow> windows,
        RetryPolicy retry,
        boolean idempotent,
        boolean hedge,
        double giveUpS,
        JobPolicy policy) {

    /** @throws ConfigException a window below 1, or a time below 0 */
    public SchedulerConfig {
        Partition.wholeNumber("window", window, 1);
        if (!(giveUpS >= 0)) {
            throw new ConfigException(
                    "giveUpS makes no sense", Detail.mismatch("seconds >= 0", Double.toString(giveUpS)));
        }
        windows = Map.copyOf(windows);
    }

    /** Windows of two, hedges where they are allowed, five seconds without any node, min_max. */
    public static SchedulerConfig ofDefaults(RetryPolicy retry, boolean idempotent) {
        return new SchedulerConfig(2, 0, Map.of(), retry, idempotent, true, 5.0, JobPolicy.ofDefaults());
    }

    /** The same with windows of this size, which do not grow. */
    public SchedulerConfig withWindow(int size) {
        return withWindow(size, 0, Map.of());
    }

    /** The same with windows of this size which may grow, but for nodes of which an earlier job has found it. */
    public SchedulerConfig withWindow(int size, int most, Map<String, NodeWindow> known) {
        return new SchedulerConfig(size, most, known, retry, idempotent, hedge, giveUpS, policy);
    }

    public SchedulerConfig withHedge(boolean isAllowed) {
        return new SchedulerConfig(window, mostWindow, windows, retry, idempotent, isAllowed, giveUpS, policy);
    }

    public SchedulerConfig withGiveUpS(double seconds) {
        return new SchedulerConfig(window, mostWindow, windows, retry, idempotent, hedge, seconds, policy);
    }

    public SchedulerConfig withPolicy(JobPolicy other) {
        return new SchedulerConfig(window, mostWindow, windows, retry, idempotent, hedge, giveUpS, other);
    }
}
