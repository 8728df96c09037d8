package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;

/** What a scheduler tells its driver to do. */
public sealed interface Action {
    /**
     * Run a chunk on a node; report the end of this attempt by {@code done} or {@code failed}, exactly once.
     *
     * @param attemptId names this attempt in every later event and action; unique within the job
     * @param chunk what to run
     * @param node where
     * @param attemptNo how often this chunk was sent before; 0 for the first time, as CallOptions.attempt wants it
     * @param hedge whether it duplicates an attempt that still runs
     */
    record Send(long attemptId, Chunk chunk, String node, int attemptNo, boolean hedge) implements Action {}

    /**
     * Nobody waits for this attempt any more.
     *
     * <p>It holds its slot on the node until it is reported: by {@code failed} with any class once it is given up, or
     * by {@code done} if its reply comes first.
     */
    record CancelAttempt(long attemptId, String node) implements Action {}

    /** Ask the node whether it lives; answer by {@code nodeUp} or {@code nodeDown}. */
    record Probe(String node) implements Action {}

    /** Call {@code timer} at that time, or soon after. Takes the place of any earlier WaitUntil. */
    record WaitUntil(double atS) implements Action {}

    /** Every chunk is done. Nothing comes after this. */
    record Finish() implements Action {}

    /**
     * The job cannot be finished. Nothing comes after this.
     *
     * @param attemptId the attempt whose error is the job's error; null for NO_NODES and POLICY
     * @param reason why
     * @param error what the policy did wrong, or null
     */
    record Fail(Long attemptId, FailReason reason, ConfigException error) implements Action {}
}
