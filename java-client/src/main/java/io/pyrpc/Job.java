package io.pyrpc;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * A map or reduction that runs in the background. Thread-safe.
 *
 * <p>A job that nobody waits for goes on to its end; {@link #cancel} ends it.
 *
 * @param <T> what it gives
 */
public interface Job<T> {
    /**
     * What the job gives; waits for it. An interrupt of this thread ends the waiting, not the job.
     *
     * @throws io.pyrpc.errors.PyrpcException what the job failed with
     * @throws io.pyrpc.errors.CancelledException it was cancelled, or this thread was interrupted
     */
    T result();

    /**
     * The same, waiting at most so long; the job itself goes on after that.
     *
     * @throws io.pyrpc.errors.DeadlineExceededException not done within that time, or within the job's own
     */
    T result(Duration timeout);

    /**
     * The result of each chunk as it is done, in the order they end; may be called once. After what was done until
     * then, the iterator throws what the job failed with.
     */
    Iterable<Completed<T>> asCompleted();

    /**
     * End the job: calls in flight are broken off, and {@link #result} throws CancelledException.
     *
     * @return false: it had ended before
     */
    boolean cancel();

    /** Whether the job has ended, well or not. */
    boolean isDone();

    /** Rows that are done now. */
    long rowsDone();

    /** What went where, and how good the job was; as far as it is known now, complete once the job has ended. */
    Receipt receipt();

    /** The result as a future; to cancel that does not end the job. */
    CompletableFuture<T> toFuture();
}
