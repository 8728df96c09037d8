package io.pyrpc.client;

import io.pyrpc.Blocks;
import io.pyrpc.Completed;
import io.pyrpc.Receipt;
import java.lang.ref.Cleaner;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;

/** The results of a job in the order of the rows. For one thread. */
final class OrderedBlocks<T> implements Blocks<T> {
    private static final Cleaner CLEANER = Cleaner.create();

    private final RunningJob<T> job;
    private final Iterator<Completed<T>> completed;
    /** What came before its turn, by first row. */
    private final Map<Long, Completed<T>> waiting = new HashMap<>();

    private long row;
    /** Rows of the block that the user has now. */
    private long shown;

    private OrderedBlocks(RunningJob<T> job) {
        this.job = job;
        this.completed = job.asCompleted().iterator();
    }

    /** Blocks of a job that has begun; one that nobody holds any more ends the job. */
    static <T> OrderedBlocks<T> of(RunningJob<T> job) {
        OrderedBlocks<T> blocks = new OrderedBlocks<>(job);
        CLEANER.register(blocks, job::cancel);
        return blocks;
    }

    @Override
    public boolean hasNext() {
        if (shown > 0) {
            // Asking for more tells that the one before is done with.
            job.taken(shown);
            shown = 0;
        }
        while (!waiting.containsKey(row)) {
            if (!completed.hasNext()) {
                return false;
            }
            Completed<T> next = completed.next();
            waiting.put(next.start(), next);
        }
        return true;
    }

    @Override
    public T next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        Completed<T> block = waiting.remove(row);
        row = block.stop();
        shown = block.stop() - block.start();
        return block.value();
    }

    @Override
    public void close() {
        job.cancel();
    }

    @Override
    public Receipt receipt() {
        return job.receipt();
    }
}
