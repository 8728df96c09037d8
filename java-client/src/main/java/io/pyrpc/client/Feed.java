package io.pyrpc.client;

import io.pyrpc.plan.Action;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.Scheduler;
import io.pyrpc.plan.Stream;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;

/**
 * Reads the source of a job's rows while the job runs, no further ahead than its nodes can use. Its fields belong to
 * the job's lock.
 *
 * <p>How much is held is a multiple of what the nodes have in flight: as much again that is read and not sent, and,
 * where results are taken one by one, twice as much that is done and not taken.
 */
final class Feed {
    private final StreamArguments arguments;
    private final Stream stream;
    private final Lock lock;
    private final Condition room;
    private long mostFlight;
    private long doneRows;
    private long takenRows;
    private boolean isTaken;
    private boolean isOver;

    Feed(StreamArguments arguments, Stream stream, Lock lock) {
        this.arguments = arguments;
        this.stream = stream;
        this.lock = lock;
        this.room = lock.newCondition();
    }

    // -- what the job tells, under its lock

    /** Rows may have been sent. */
    void sent() {
        mostFlight = Math.max(mostFlight, stream.rows() - stream.available() - doneRows);
        room.signal();
    }

    /** So many more rows are done. */
    void done(long rows) {
        doneRows += rows;
        room.signal();
    }

    /** The user took the results of so many more rows; 0 at the beginning, to say that they will be. */
    void taken(long rows) {
        isTaken = true;
        takenRows += rows;
        room.signal();
    }

    /** The job has ended. */
    void end() {
        isOver = true;
        room.signal();
    }

    /** Whether the source is at its end. */
    boolean isRead() {
        return !stream.isOpen();
    }

    // -- not under the lock

    /** The chunk's rows need not be kept. */
    void release(Chunk chunk) {
        arguments.release(chunk);
    }

    /** What the reading thread tells. */
    interface Listener {
        /** Tell the scheduler of an event and do what it says. */
        void handle(DoubleFunction<List<Action>> event);

        /** There were so many rows. */
        void ended(long rows);
    }

    /**
     * Read to the end.
     *
     * @param stop ends the job with an error
     */
    void run(Scheduler scheduler, Listener listener, Consumer<Throwable> stop) {
        try {
            while (waitForRoom()) {
                long rows = arguments.read();
                if (rows == 0) {
                    listener.ended(arguments.rows());
                    listener.handle(scheduler::noMore);
                    return;
                }
                long rowBytes = arguments.rowBytes();
                listener.handle(nowS -> scheduler.more(rows, rowBytes, nowS));
            }
        } catch (RuntimeException | Error error) {
            stop.accept(error);
        }
    }

    /** Whether to read on; false: the job has ended. */
    private boolean waitForRoom() {
        lock.lock();
        try {
            while (!isOver) {
                // Whatever the nodes can do, one block is read when there is none.
                boolean isShort = stream.piecesLeft() == 0 || stream.available() < mostFlight;
                long untaken = isTaken ? doneRows - takenRows : 0;
                if (isShort && untaken <= 2 * mostFlight) {
                    return true;
                }
                room.awaitUninterruptibly();
            }
            return false;
        } finally {
            lock.unlock();
        }
    }
}
