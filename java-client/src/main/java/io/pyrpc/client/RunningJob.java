package io.pyrpc.client;

import io.pyrpc.Completed;
import io.pyrpc.Job;
import io.pyrpc.Receipt;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A map or reduce in progress. Thread-safe. */
final class RunningJob<T> implements Job<T> {
    private final String stage;
    private final Scatter scatter;
    private final Gather gather;
    private final Function<Object, T> typed;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final CompletableFuture<T> future = new CompletableFuture<>();
    // Written before the latch is let go.
    private T value;
    private Throwable error;

    /**
     * Not begun yet.
     *
     * @param typed makes what the nodes gave into what the user expects, or throws
     */
    RunningJob(String stage, Scatter scatter, Gather gather, Function<Object, T> typed) {
        this.stage = stage;
        this.scatter = scatter;
        this.gather = gather;
        this.typed = typed;
    }

    /** The same with results of another type; before it has begun. */
    <U> RunningJob<U> as(Function<Object, U> other) {
        return new RunningJob<>(stage, scatter, gather, other);
    }

    /** Told in the thread of the job when it has ended; before it has begun. */
    void onEnd(Runnable listener) {
        future.whenComplete((result, fault) -> listener.run());
    }

    /** Run in the background. */
    RunningJob<T> start(Threads threads) {
        if (!threads.run(this::run)) {
            scatter.stop(JobErrors.closed(stage));
            run();
        }
        return this;
    }

    /** Run here, until the job ends, and return what it gives. */
    T runHere() {
        scatter.dropCompleted();
        run();
        return result();
    }

    private void run() {
        try {
            scatter.drive();
            error = scatter.outcome();
            if (error == null) {
                value = typed.apply(gather.finish());
            }
        } catch (RuntimeException | Error fault) {
            error = fault;
        } finally {
            ended.countDown();
        }
        if (error == null) {
            future.complete(value);
        } else {
            future.completeExceptionally(error);
        }
    }

    @Override
    public T result() {
        await(null);
        return outcome();
    }

    @Override
    public T result(Duration timeout) {
        if (!await(timeout)) {
            throw new DeadlineExceededException(
                    stage + " is not done yet",
                    Detail.NONE.withGot("waited " + timeout).withHelp("it goes on: ask again, or cancel() it"));
        }
        return outcome();
    }

    private boolean await(Duration timeout) {
        try {
            if (timeout != null) {
                return ended.await(Deadline.after(timeout).remainingNanos(), TimeUnit.NANOSECONDS);
            }
            ended.await();
            return true;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw JobErrors.interrupted(stage);
        }
    }

    private T outcome() {
        if (error instanceof RuntimeException known) {
            throw known;
        }
        if (error instanceof Error fault) {
            throw fault;
        }
        return value;
    }

    @Override
    public Iterable<Completed<T>> asCompleted() {
        return CompletedIterator::new;
    }

    /** For one thread. */
    private final class CompletedIterator implements Iterator<Completed<T>> {
        private Completed<Object> next;

        @Override
        public boolean hasNext() {
            if (next == null) {
                next = take();
            }
            if (next != Scatter.END) {
                return true;
            }
            result();
            return false;
        }

        @Override
        public Completed<T> next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            Completed<Object> taken = next;
            next = null;
            return new Completed<>(taken.start(), taken.stop(), typed.apply(taken.value()));
        }
    }

    private Completed<Object> take() {
        try {
            return scatter.nextCompleted();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw JobErrors.interrupted(stage);
        }
    }

    /** The user took the results of so many rows, or (0) is going to take them one by one. */
    void taken(long rows) {
        scatter.taken(rows);
    }

    @Override
    public boolean cancel() {
        return scatter.stop(new CancelledException("the job was cancelled"));
    }

    /** The client is closed. */
    void close() {
        scatter.stop(JobErrors.closed(stage));
    }

    @Override
    public boolean isDone() {
        return ended.getCount() == 0;
    }

    @Override
    public long rowsDone() {
        return scatter.rowsDone();
    }

    @Override
    public Receipt receipt() {
        return scatter.receipt();
    }

    @Override
    public CompletableFuture<T> toFuture() {
        return future.copy();
    }
}
