package io.pyrpc;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.JobPolicy;
import io.pyrpc.plan.balance.Balancer;
import java.time.Duration;

/**
 * How a map or reduction is to run: {@code JobOptions.ofDefaults().withChunkRows(500)}. Immutable; null: by default.
 *
 * @param chunkRows rows of a chunk; by default each node gets chunks that fit its speed, at most 8 MiB each (reduce: 64
 *     leaves)
 * @param chunkBytes bytes of a chunk, at most
 * @param chunkDuration about how long a chunk takes, where no size is given; by default 50 ms. Not for reduce
 * @param policy who gets the next chunk; by default as the client was built
 * @param timeout for the whole job; by default no limit
 * @param progress told how far the job is
 */
public record JobOptions(
        Long chunkRows,
        Long chunkBytes,
        Duration chunkDuration,
        JobPolicy policy,
        Duration timeout,
        Progress progress) {
    private static final JobOptions DEFAULTS = new JobOptions(null, null, null, null, null, null);

    /** Nothing is asked for. */
    public static JobOptions ofDefaults() {
        return DEFAULTS;
    }

    /** The same with so many rows in a chunk, the rest in the last one. */
    public JobOptions withChunkRows(long rows) {
        return new JobOptions(rows, chunkBytes, chunkDuration, policy, timeout, progress);
    }

    /** The same with at most so many bytes in a chunk. */
    public JobOptions withChunkBytes(long bytes) {
        return new JobOptions(chunkRows, bytes, chunkDuration, policy, timeout, progress);
    }

    /** The same with chunks that take about so long. */
    public JobOptions withChunkDuration(Duration duration) {
        return new JobOptions(chunkRows, chunkBytes, duration, policy, timeout, progress);
    }

    /**
     * The same with a policy by its name: "min_max", "pull", or one of those for single calls.
     *
     * @throws ConfigException no policy of that name
     */
    public JobOptions withPolicy(String name) {
        return new JobOptions(chunkRows, chunkBytes, chunkDuration, JobPolicy.named(name), timeout, progress);
    }

    /** The same with a policy of your own. */
    public JobOptions withPolicy(Balancer balancer) {
        return new JobOptions(chunkRows, chunkBytes, chunkDuration, JobPolicy.of(balancer), timeout, progress);
    }

    /**
     * The same with a limit for the whole job.
     *
     * @throws ConfigException not above 0
     */
    public JobOptions withTimeout(Duration limit) {
        if (limit != null && (limit.isZero() || limit.isNegative())) {
            throw new ConfigException(
                    "timeout makes no sense", Detail.mismatch("a duration above 0, or null", limit.toString()));
        }
        return new JobOptions(chunkRows, chunkBytes, chunkDuration, policy, limit, progress);
    }

    /** The same, told how far the job is; {@link Progress#line} writes it to stderr. */
    public JobOptions withProgress(Progress report) {
        return new JobOptions(chunkRows, chunkBytes, chunkDuration, policy, timeout, report);
    }
}
