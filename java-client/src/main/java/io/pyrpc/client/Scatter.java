package io.pyrpc.client;

import io.pyrpc.Completed;
import io.pyrpc.NodeInfo;
import io.pyrpc.NodeState;
import io.pyrpc.Progress;
import io.pyrpc.Receipt;
import io.pyrpc.client.receipt.Outcome;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.FailureClass;
import io.pyrpc.errors.InternalException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.UnknownRefException;
import io.pyrpc.plan.Action;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.NodeWindow;
import io.pyrpc.plan.Scheduler;
import io.pyrpc.plan.Stream;
import io.pyrpc.transport.Connection;
import io.pyrpc.wire.CallReply;
import io.pyrpc.wire.Ref;
import io.pyrpc.wire.RowPlace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.DoubleFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The driver of a job: carries out what plan's Scheduler decides.
 *
 * <p>Each attempt runs in a thread of its own, which goes on with the next chunk for the same node by itself, so that
 * no hand-off lies between two chunks. One thread, the caller's for map, keeps the time: timers, deadline, progress.
 *
 * <p>Under the job's lock only the scheduler decides and fields are written; sending, receiving, copying and callbacks
 * happen outside of it.
 */
final class Scatter {
    /** In place of the last result of {@link #completed}. */
    static final Completed<Object> END = new Completed<>(0, 0, null);

    private static final Duration PROBE = Duration.ofSeconds(2);
    private static final double LOST_S = 1.0;

    private final String stage;
    private final Arguments arguments;
    private final SharedArrays shared;
    private final Map<String, Node> nodes = new LinkedHashMap<>();
    private final Scheduler scheduler;
    private final Gather gather;
    private final Threads threads;
    private final Terms terms;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** Null for a job whose rows are all there. */
    private final Feed feed;

    /** What was done, for those who take it as it comes. */
    private final BlockingQueue<Completed<Object>> completed = new LinkedBlockingQueue<>();
    private volatile boolean keepsCompleted = true;

    // Under the lock.
    private final Books books;
    private final Map<Long, Running> running = new LinkedHashMap<>();
    private double wakeAtS = Double.POSITIVE_INFINITY;
    private long doneRows;
    private int putting;
    private boolean isFinished;
    private Throwable error;
    private PyrpcException lastFailure;

    /**
     * What else a job is given.
     *
     * @param sign 1 where each chunk's result must have its rows, -1 where it need not (a reduction); what goes on the
     *     wire is the number of rows with that sign
     * @param deadline of the whole job
     * @param isUp whether single calls know of nothing that is wrong with a node
     * @param progress told how far it is, or null
     * @param onWindows told in the end of the windows that nodes were found to need
     */
    record Terms(
            int sign,
            Deadline deadline,
            Predicate<Node> isUp,
            Progress progress,
            Consumer<Map<String, NodeWindow>> onWindows) {}

    Scatter(
            String stage,
            Arguments arguments,
            List<Node> nodes,
            Scheduler scheduler,
            Stream stream,
            Gather gather,
            Threads threads,
            Terms terms) {
        this.stage = stage;
        this.arguments = arguments;
        this.shared = new SharedArrays(arguments.whole());
        nodes.forEach(node -> this.nodes.put(node.endpoint(), node));
        this.scheduler = scheduler;
        this.gather = gather;
        this.threads = threads;
        this.terms = terms;
        this.feed = stream == null ? null : new Feed((StreamArguments) arguments, stream, lock);
        this.books = new Books(stage, this.nodes.keySet(), scheduler.terms());
    }

    private <T> T locked(Supplier<T> read) {
        lock.lock();
        try {
            return read.get();
        } finally {
            lock.unlock();
        }
    }

    private void locked(Runnable write) {
        lock.lock();
        try {
            write.run();
        } finally {
            lock.unlock();
        }
    }

    // -- the thread that keeps the time

    /** Run the job to its end; its outcome is then in {@link #outcome}. An interrupt of this thread cancels it. */
    void drive() {
        try {
            List<String> lost = latelyLost();
            handle(nowS -> scheduler.start(nowS, lost), false);
            if (feed != null) {
                run(() -> feed.run(scheduler, new FeedListener(), this::stop));
            }
            keepTime();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            end(JobErrors.interrupted(stage));
        } catch (RuntimeException | Error fault) {
            end(fault);
        } finally {
            closeBooks();
        }
    }

    private final class FeedListener implements Feed.Listener {
        @Override
        public void handle(DoubleFunction<List<Action>> event) {
            Scatter.this.handle(event, false);
        }

        @Override
        public void ended(long rows) {
            gather.end(rows);
        }
    }

    /** Nodes not worth trying first: each job would send them chunks again only to learn that they are gone. */
    private List<String> latelyLost() {
        double since = Clock.nowS() - LOST_S;
        return nodes.values().stream()
                .filter(node -> node.lostAtS() > since || !terms.isUp.test(node))
                .map(Node::endpoint)
                .toList();
    }

    private void keepTime() throws InterruptedException {
        long shown = -1;
        while (true) {
            boolean isTimerDue = awaitChange(shown);
            boolean isOver = locked(this::isOver);
            long done = rowsDone();
            shown = done;
            if (terms.progress != null) {
                terms.progress.report(done, isAllRead() ? arguments.rows() : -1);
            }
            if (isOver) {
                return;
            }
            if (terms.deadline.isOver()) {
                stop(JobErrors.tooLate(stage, done, arguments.rows(), isAllRead()));
            } else if (isTimerDue) {
                handle(scheduler::timer, false);
            }
        }
    }

    /** Wait until something has happened or is to; whether the scheduler's timer is due. */
    private boolean awaitChange(long shown) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            if (!isOver() && doneRows == shown) {
                changed.awaitNanos(Math.min(Clock.nanosUntil(wakeAtS), terms.deadline.remainingNanos()));
            }
            boolean isTimerDue = Clock.nowS() >= wakeAtS;
            if (isTimerDue) {
                wakeAtS = Double.POSITIVE_INFINITY;
            }
            return isTimerDue;
        } finally {
            lock.unlock();
        }
    }

    /** Under the lock. */
    private boolean isOver() {
        // Not before the last value lies in its place, and no loser may still write to rows of the result.
        return error != null || isFinished && putting == 0 && gather.isSettled();
    }

    private boolean isAllRead() {
        return feed == null || locked(feed::isRead);
    }

    /** End the job with an error; what is in flight is broken off. False: it had ended before. */
    boolean stop(Throwable fault) {
        return locked(() -> {
            if (isOver()) {
                return false;
            }
            error = fault;
            abortAttempts(scheduler.cancel(Clock.nowS()));
            changed.signalAll();
            return true;
        });
    }

    /** The same, also when all chunks were done: what progress throws in its last call must not get lost. */
    private void end(Throwable fault) {
        stop(fault);
        locked(() -> {
            error = error == null ? fault : error;
        });
    }

    /** The error the job ended with; null: the gather has the result. */
    Throwable outcome() {
        return locked(() -> error);
    }

    private void closeBooks() {
        locked(() -> {
            if (feed != null) {
                feed.end();
            }
            books.close(running.values(), error, scheduler.fits());
            running.clear();
        });
        terms.onWindows.accept(locked(scheduler::windows));
        completed.add(END);
    }

    // -- what others may ask

    /** What is written down until now. */
    Receipt receipt() {
        return locked(() -> books.receipt(arguments));
    }

    long rowsDone() {
        return locked(() -> doneRows);
    }

    /** Before it begins: nobody will ask for the chunks one by one, so they need not be kept until it ends. */
    void dropCompleted() {
        keepsCompleted = false;
    }

    /** The next chunk that is done, or {@link #END}; waits for it. */
    Completed<Object> nextCompleted() throws InterruptedException {
        Completed<Object> next = completed.take();
        if (next == END) {
            // For whoever asks a second time: the end is still there.
            completed.add(END);
        }
        return next;
    }

    /** The user took the results of so many rows, or (0) is going to take them one by one. */
    void taken(long rows) {
        if (feed != null) {
            locked(() -> feed.taken(rows));
        }
    }

    // -- events and actions

    /** Run in the background; where that cannot be, the client was closed, and the job ends. */
    private void run(Runnable task) {
        if (!threads.run(task)) {
            stop(JobErrors.closed(stage));
        }
    }

    /** Tell the scheduler of an event and do what it says; a worker gets one attempt back to do itself. */
    private Running handle(DoubleFunction<List<Action>> event, boolean isWorker) {
        return carryOut(locked(() -> decide(event)), isWorker);
    }

    /** Under the lock: the event, and what its actions change here. */
    private List<Action> decide(DoubleFunction<List<Action>> event) {
        List<Action> actions = event.apply(Clock.nowS());
        for (Action action : actions) {
            if (action instanceof Action.Send send) {
                running.put(send.attemptId(), new Running(send, books.sinceBegan()));
            } else if (action instanceof Action.WaitUntil wait) {
                wakeAtS = wait.atS();
                changed.signalAll();
            } else if (action instanceof Action.Finish) {
                isFinished = true;
                changed.signalAll();
            } else if (action instanceof Action.Fail fail && error == null) {
                error = JobErrors.of(fail, stage, nodes.keySet(), lastFailure);
                changed.signalAll();
            }
        }
        if (feed != null) {
            feed.sent();
        }
        return actions;
    }

    /** Outside of the lock: begin what is to be sent, break off what nobody waits for. */
    private Running carryOut(List<Action> actions, boolean isWorker) {
        Running mine = null;
        for (Action action : actions) {
            if (action instanceof Action.Send send) {
                // Null: the job ended before this attempt could begin.
                Running next = locked(() -> running.get(send.attemptId()));
                if (isWorker && mine == null) {
                    mine = next;
                } else if (next != null) {
                    run(() -> work(next));
                }
            } else if (action instanceof Action.Probe probe) {
                run(() -> probe(probe.node()));
            }
        }
        abortAttempts(actions);
        return mine;
    }

    /**
     * Break off what nobody waits for.
     *
     * <p>The one system call under this lock: it does not block, and outside of the lock the attempt might end just
     * then and the connection be in use for another call, which would be broken off instead.
     */
    private void abortAttempts(List<Action> actions) {
        // The last ones first: on a node those wait behind the first, and would begin when its turn is free.
        List<Action> backwards = new ArrayList<>(actions);
        Collections.reverse(backwards);
        locked(() -> {
            for (Action action : backwards) {
                if (action instanceof Action.CancelAttempt cancel && running.containsKey(cancel.attemptId())) {
                    running.get(cancel.attemptId()).cancel();
                }
            }
        });
    }

    // -- attempts

    /** Run one attempt, and those that follow from it. */
    private void work(Running first) {
        try {
            Running next = first;
            while (next != null) {
                next = attempt(next);
            }
        } catch (RuntimeException | Error fault) {
            // Of a job that has ended it is no matter: its arguments may be closed by now.
            if (stop(new InternalException("a fault of pyrpc itself", Detail.NONE.withGot(fault.toString())))) {
                throw fault;
            }
        }
    }

    private Running attempt(Running one) {
        Chunk chunk = one.send.chunk();
        long attemptId = one.send.attemptId();
        Clocked place = new Clocked(gather.lease(chunk, attemptId));
        try {
            CallReply reply;
            try {
                reply = invoke(one, place);
            } catch (PyrpcException failure) {
                return failed(one, failure);
            }
            return succeeded(one, place, reply);
        } finally {
            gather.release(chunk, attemptId);
            locked(() -> {
                if (isFinished) {
                    changed.signalAll();
                }
            });
        }
    }

    private CallReply invoke(Running one, RowPlace place) {
        Node node = nodes.get(one.send.node());
        double began = Clock.nowS();
        Map<Object, Ref> refs;
        try {
            refs = shared.on(node, terms.deadline);
        } finally {
            locked(() -> one.shared(Clock.nowS() - began));
        }
        try {
            return invokeWith(refs, node, one, place);
        } catch (UnknownRefException unknown) {
            shared.forget(node);
            return invokeWith(Map.of(), node, one, place);
        }
    }

    private CallReply invokeWith(Map<Object, Ref> refs, Node node, Running one, RowPlace place) {
        List<Object> positional = arguments.of(one.send.chunk());
        Map<String, Object> named = arguments.named();
        if (!refs.isEmpty()) {
            positional = new ArrayList<>(positional);
            positional.replaceAll(value -> refs.containsKey(value) ? refs.get(value) : value);
            named = new LinkedHashMap<>(named);
            named.replaceAll((name, value) -> refs.containsKey(value) ? refs.get(value) : value);
        }
        long rows = terms.sign * one.send.chunk().rows();
        Node.Call call = new Node.Call(stage, positional, named, rows, one.send.attemptNo());
        return node.invoke(call, terms.deadline, place, new Use(one));
    }

    /** Told of the connection of an attempt before it is used, and before somebody else may get it. */
    private final class Use implements Node.ConnectionUse {
        private final Running one;

        Use(Running one) {
            this.one = one;
        }

        @Override
        public void begins(Connection connection) {
            boolean isCancelled = locked(() -> {
                one.connected(connection, books.sinceBegan());
                return one.isCancelled() || error != null;
            });
            if (isCancelled) {
                throw new CancelledException("the chunk was done elsewhere");
            }
        }

        @Override
        public void ends() {
            locked(one::disconnected);
        }
    }

    private Running succeeded(Running one, Clocked place, CallReply reply) {
        boolean isFirst;
        List<Action> actions;
        long attemptId = one.send.attemptId();
        lock.lock();
        try {
            if (place.atS() != 0) {
                one.replied(books.sinceBegan(place.atS()));
            }
            if (reply.load() != null) {
                one.loaded(reply.load().serviceUs() / 1e6, reply.load().queuedUs() / 1e6);
            }
            isFirst = scheduler.isWanted(attemptId);
            putting += isFirst ? 1 : 0;
            // Written down before the next one is booked, so that the two do not seem to overlap.
            write(one, isFirst ? Outcome.OK : Outcome.LATE, null);
            actions = decide(nowS -> scheduler.done(attemptId, nowS, one.serviceS(), one.queuedS()));
        } finally {
            lock.unlock();
        }
        nodes.get(one.send.node()).found();
        // Others begin before this thread copies; its own next chunk comes after.
        Running following = carryOut(actions, true);
        if (isFirst) {
            put(one.send, reply.value());
        }
        return following;
    }

    private void put(Action.Send send, Object value) {
        Chunk chunk = send.chunk();
        try {
            Object shown = gather.put(chunk, send.attemptId(), value);
            if (keepsCompleted) {
                completed.add(new Completed<>(chunk.start(), chunk.stop(), shown));
            }
        } catch (RuntimeException | Error fault) {
            // A result that does not fit, or what the caller's own reduction threw.
            if (fault instanceof PyrpcException known) {
                known.addEndpoint(send.node());
            }
            stop(fault);
        }
        if (feed != null) {
            feed.release(chunk);
        }
        locked(() -> {
            putting--;
            doneRows += chunk.rows();
            if (feed != null) {
                feed.done(chunk.rows());
            }
            if (terms.progress != null || isFinished) {
                changed.signalAll();
            }
        });
    }

    private Running failed(Running one, PyrpcException failure) {
        Node node = nodes.get(one.send.node());
        boolean isLost = Node.isLoss(failure);
        if (isLost) {
            node.lost();
        }
        if (isLost || failure instanceof DrainingException) {
            node.dropIdle();
        }
        Long retryAfterMs = failure.retryAfter() == null ? null : failure.retryAfter().toMillis();
        List<Action> actions = locked(() -> {
            if (!(failure instanceof CancelledException)) {
                lastFailure = JobErrors.ofChunk(failure, one.send);
            }
            write(one, one.isCancelled() ? Outcome.CANCELLED : Outcome.FAILED, failure);
            FailureClass kind = one.isCancelled() ? FailureClass.UNKNOWN : failure.failureClass();
            return decide(nowS -> scheduler.failed(one.send.attemptId(), kind, nowS, isLost, retryAfterMs));
        });
        return carryOut(actions, true);
    }

    /** Under the lock: write down how an attempt ended. */
    private void write(Running one, Outcome outcome, PyrpcException failure) {
        // Null: the books of the job are closed.
        if (running.remove(one.send.attemptId()) != null) {
            books.ended(one, outcome, failure);
        }
    }

    /** Ask a node that went down whether it is back. */
    private void probe(String endpoint) {
        Node node = nodes.get(endpoint);
        boolean isUp = false;
        try {
            NodeInfo info = node.ping(Deadline.after(PROBE));
            isUp = info.state() == NodeState.SERVING;
        } catch (PyrpcException failure) {
            locked(() -> {
                lastFailure = lastFailure == null ? failure : lastFailure;
            });
        } catch (RuntimeException fault) {
            // Whatever it was: a probe that is not answered would never be repeated.
            isUp = false;
        }
        if (isUp) {
            node.found();
        }
        boolean isThere = isUp;
        locked(() -> books.probed(endpoint, isThere));
        handle(nowS -> isThere ? scheduler.nodeUp(endpoint, nowS) : scheduler.nodeDown(endpoint, nowS), false);
    }
}
