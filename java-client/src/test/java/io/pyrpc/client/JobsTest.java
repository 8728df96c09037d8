package io.pyrpc.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.Args;
import io.pyrpc.Blocks;
import io.pyrpc.Broadcast;
import io.pyrpc.Completed;
import io.pyrpc.Job;
import io.pyrpc.JobOptions;
import io.pyrpc.NdArray;
import io.pyrpc.Receipt;
import io.pyrpc.ReduceOp;
import io.pyrpc.client.receipt.JobState;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.LengthMismatchException;
import io.pyrpc.errors.StageFailedException;
import io.pyrpc.errors.UnknownMethodException;
import io.pyrpc.errors.UnknownRefException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.plan.JobPolicy;
import io.pyrpc.wire.Ref;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class JobsTest {
    private static final JobOptions DEFAULTS = JobOptions.ofDefaults();
    private static final JobOptions TENS = DEFAULTS.withChunkRows(10);

    private final List<FakeNode> nodes = new ArrayList<>();
    private Parts parts;

    private FakeNode node(Function<Node.Call, Object> answer) {
        FakeNode node = new FakeNode("n" + nodes.size() + ":1", answer);
        nodes.add(node);
        return node;
    }

    private static Object echo(Node.Call call) {
        return call.positional().get(0);
    }

    private Parts parts() {
        if (parts == null) {
            parts = new Parts(
                    List.copyOf(nodes), new Parts.Options(null, JobPolicy.ofDefaults(), null, 1, null));
        }
        return parts;
    }

    @AfterEach
    void close() {
        if (parts != null) {
            parts.close();
        }
    }

    private static NdArray rows(int count) {
        return NdArray.of(IntStream.range(0, count).toArray());
    }

    private Object map(Object... args) {
        return parts().mapHere("stage", Args.of(args), DEFAULTS, Function.identity());
    }

    private Job<Object> start(JobOptions options, Object... args) {
        return parts().map("stage", Args.of(args), options, Function.identity());
    }

    @Test
    void rowsComeBackInTheirOrder() {
        node(JobsTest::echo);
        node(JobsTest::echo);
        node(JobsTest::echo);
        assertEquals(rows(100_000), map(rows(100_000)));
    }

    @Test
    void arraysAreSplitTogetherAndAllElseGoesWhole() {
        FakeNode node = node(JobsTest::echo);
        NdArray weights = rows(3);
        parts().mapHere(
                        "stage",
                        Args.of(rows(40), rows(40), Broadcast.of(weights), "text", null).named("scale", rows(7)),
                        TENS,
                        Function.identity());
        assertEquals(4, node.calls.size());
        for (Node.Call call : node.calls) {
            assertEquals(10, call.rows());
            assertEquals(call.positional().get(0), call.positional().get(1));
            assertEquals(weights, call.positional().get(2));
            assertEquals(rows(7), call.named().get("scale"));
        }
    }

    @Test
    void whatCannotBeSplitIsRefusedBeforeAnythingIsSent() {
        FakeNode node = node(JobsTest::echo);
        assertThrows(LengthMismatchException.class, () -> map(rows(3), rows(4)));
        assertThrows(ArgumentException.class, () -> map("text"));
        assertThrows(ArgumentException.class, () -> map(Broadcast.of(rows(3))));
        assertThrows(UnknownMethodException.class, () -> parts()
                .mapHere("stagee", Args.of(rows(3)), DEFAULTS, Function.identity()));
        assertThrows(ConfigException.class, () -> start(TENS.withChunkDuration(Duration.ofMillis(5)), rows(3)));
        assertThrows(ConfigException.class, () -> start(DEFAULTS.withChunkRows(0), rows(3)));
        assertEquals(0, node.calls.size());
    }

    @Test
    void aNodeThatIsDownTakesNoPartAndCostsNothing() {
        node(JobsTest::echo).isDown = true;
        node(JobsTest::echo);
        assertEquals(rows(1000), map(rows(1000)));
    }

    @Test
    void aJobFailsWhenAllNodesAreGone() {
        node(JobsTest::echo).isDown = true;
        UnreachableException error = assertThrows(UnreachableException.class, () -> map(rows(10)));
        assertEquals("no node can be reached", error.what());
    }

    @Test
    void aChunkThatMayHaveRunIsSentAgain() {
        AtomicBoolean isCut = new AtomicBoolean();
        node(call -> isCut.compareAndSet(false, true) ? new ConnectionLostException("cut") : echo(call));
        node(JobsTest::echo);
        Job<Object> job = start(TENS, rows(100));
        assertEquals(rows(100), job.result());
        assertTrue(job.receipt().retries() >= 1);
    }

    @Test
    void theErrorOfAStageNamesItsRows() {
        node(call -> new StageFailedException("it raised"));
        StageFailedException error = assertThrows(StageFailedException.class, () -> map(rows(1)));
        assertEquals("it raised (rows 0 to 1)", error.what());
    }

    @Test
    void wrongRowsAreTheStagesFault() {
        node(call -> rows(1));
        BadResultException error = assertThrows(BadResultException.class, () -> start(TENS, rows(100)).result());
        assertEquals("n0:1", error.endpoint());
    }

    @Test
    void chunksCanBeTakenAsTheyEnd() {
        node(JobsTest::echo);
        node(JobsTest::echo);
        Job<Object> job = start(TENS, rows(100));
        List<Long> starts = new ArrayList<>();
        for (Completed<Object> chunk : job.asCompleted()) {
            assertEquals(((NdArray) chunk.value()).getLong(0), chunk.start());
            starts.add(chunk.start());
        }
        assertEquals(rows(100), job.result(ChronoUnit.FOREVER.getDuration()));
        assertEquals(IntStream.range(0, 10).mapToObj(n -> 10L * n).toList(), starts.stream().sorted().toList());
        assertTrue(job.isDone());
        assertFalse(job.cancel());
        assertEquals(100, job.rowsDone());
    }

    @Test
    void aCancelledJobSaysSoAndHasAReceipt() {
        CountDownLatch isLet = new CountDownLatch(1);
        node(call -> {
            await(isLet);
            return echo(call);
        });
        Job<Object> job = start(TENS, rows(100));
        assertThrows(DeadlineExceededException.class, () -> job.result(Duration.ofMillis(1)));
        assertTrue(job.cancel());
        assertThrows(CancelledException.class, job::result);
        Receipt receipt = job.receipt();
        assertEquals(JobState.CANCELLED, receipt.state());
        assertEquals(0, receipt.rowsDone());
        isLet.countDown();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    @Test
    void aJobEndsAtItsOwnDeadline() {
        CountDownLatch isLet = new CountDownLatch(1);
        node(call -> {
            await(isLet);
            return echo(call);
        });
        Job<Object> job = start(TENS.withTimeout(Duration.ofMillis(50)), rows(100));
        DeadlineExceededException error = assertThrows(DeadlineExceededException.class, job::result);
        assertEquals("0 of 100 rows, 100 left", error.got());
        isLet.countDown();
    }

    @Test
    void aNodeThatHangsLosesItsChunksToOthers() {
        CountDownLatch isLet = new CountDownLatch(1);
        AtomicInteger count = new AtomicInteger();
        node(call -> {
            if (count.incrementAndGet() > 1) {
                await(isLet);
            }
            return echo(call);
        });
        node(JobsTest::echo);
        assertEquals(rows(200), start(TENS, rows(200)).result());
        isLet.countDown();
    }

    @Test
    void progressIsToldInTheThreadOfTheCaller() {
        node(JobsTest::echo);
        List<Long> seen = new ArrayList<>();
        Thread here = Thread.currentThread();
        JobOptions options = TENS.withProgress((done, total) -> {
            assertEquals(here, Thread.currentThread());
            assertEquals(100, total);
            seen.add(done);
        });
        parts().mapHere("stage", Args.of(rows(100)), options, Function.identity());
        assertEquals(100L, seen.get(seen.size() - 1));
        assertEquals(seen.stream().sorted().toList(), seen);
    }

    @Test
    void whatProgressThrowsEndsTheJob() {
        node(JobsTest::echo);
        JobOptions options = TENS.withProgress((done, total) -> {
            throw new IllegalArgumentException("enough");
        });
        assertThrows(IllegalArgumentException.class, () -> parts()
                .mapHere("stage", Args.of(rows(100)), options, Function.identity()));
    }

    @Test
    void anInterruptCancelsTheJob() {
        CountDownLatch isLet = new CountDownLatch(1);
        Thread caller = Thread.currentThread();
        node(call -> {
            caller.interrupt();
            await(isLet);
            return echo(call);
        });
        assertThrows(CancelledException.class, () -> map(rows(10)));
        assertTrue(Thread.interrupted());
        isLet.countDown();
    }

    // -- reductions

    @Test
    void aReductionFoldsItsLeavesInOrder() {
        for (int number = 0; number < 3; number++) {
            node(call -> NdArray.of(new double[] {1.0 / (1 + ((NdArray) call.positional().get(0)).getLong(0))}));
        }
        Object first = reduce(ReduceOp.sum(), rows(1000));
        for (int again = 0; again < 5; again++) {
            assertEquals(first, reduce(ReduceOp.sum(), rows(1000)));
        }
        List<Node.Call> firsts = nodes.stream()
                .flatMap(node -> node.calls.stream())
                .filter(call -> call.attempt() == 0)
                .toList();
        assertEquals(64 * 6, firsts.size());
        assertTrue(firsts.stream().allMatch(call -> call.rows() < 0));
    }

    @Test
    void aReductionKeepsNoLeafThatIsFolded() {
        List<WeakReference<Object>> leaves = Collections.synchronizedList(new ArrayList<>());
        AtomicInteger mostAlive = new AtomicInteger();
        node(call -> {
            if (leaves.size() % 16 == 15) {
                System.gc();
                mostAlive.accumulateAndGet(
                        (int) leaves.stream().filter(leaf -> leaf.get() != null).count(), Math::max);
            }
            NdArray leaf = NdArray.of(new double[1000]);
            leaves.add(new WeakReference<>(leaf));
            return leaf;
        });
        // One after the other: none waits for its turn.
        parts = new Parts(List.copyOf(nodes), new Parts.Options(null, JobPolicy.ofDefaults(), 1, 1, null));
        reduce(ReduceOp.sum(), rows(1000));
        assertEquals(64, leaves.size());
        assertTrue(mostAlive.get() <= 4, () -> mostAlive + " leaves are kept");
    }

    private Object reduce(ReduceOp op, Object... args) {
        return parts().reduceHere("stage", op, Args.of(args), DEFAULTS, Function.identity());
    }

    @Test
    void whatAReductionOfTheCallersThrowsComesOutOfIt() {
        node(call -> 1L);
        ReduceOp op = ReduceOp.of((left, right) -> {
            throw new IllegalArgumentException("no");
        });
        assertThrows(IllegalArgumentException.class, () -> reduce(op, rows(10)));
    }

    @Test
    void aReductionOverNothingIsRefused() {
        node(call -> 1L);
        assertThrows(ArgumentException.class, () -> reduce(ReduceOp.sum(), rows(0)));
    }

    // -- streams

    private static Iterator<NdArray> blocks(int count, int rows) {
        return IntStream.range(0, count)
                .mapToObj(number -> NdArray.of(IntStream.range(number * rows, (number + 1) * rows).toArray()))
                .iterator();
    }

    @Test
    void aStreamGivesWhatTheWholeArrayGives() {
        node(JobsTest::echo);
        node(JobsTest::echo);
        assertEquals(rows(1000), map(blocks(100, 10)));
        assertEquals(rows(1000), start(DEFAULTS.withChunkRows(7), blocks(100, 10)).result());
        assertEquals(rows(1000), map(blocks(100, 10), rows(1000)));
    }

    @Test
    void imapGivesTheRowsInOrderAndReadsNoFurtherThanNeeded() {
        node(JobsTest::echo);
        AtomicInteger read = new AtomicInteger();
        Iterator<NdArray> source = new Iterator<>() {
            @Override
            public boolean hasNext() {
                return true;
            }

            @Override
            public NdArray next() {
                int from = 10 * read.getAndIncrement();
                return NdArray.of(IntStream.range(from, from + 10).toArray());
            }
        };
        long row = 0;
        try (Blocks<Object> blocks = parts().imap("stage", Args.of(source), TENS, Function.identity())) {
            while (row < 500) {
                NdArray block = (NdArray) blocks.next();
                assertEquals(row, block.getLong(0));
                row += block.rowCount();
            }
        }
        assertTrue(read.get() < 500, "read " + read.get() + " blocks for 50 that were taken");
    }

    @Test
    void imapOverAnArrayReadsItInBlocks() {
        node(JobsTest::echo);
        node(JobsTest::echo);
        List<NdArray> parts = new ArrayList<>();
        try (Blocks<Object> blocks = parts().imap("stage", Args.of(rows(1000)), DEFAULTS, Function.identity())) {
            blocks.forEach(block -> parts.add((NdArray) block));
        }
        assertEquals(rows(1000), NdArray.concat(parts));
    }

    @Test
    void whatASourceThrowsComesOutOfTheMap() {
        node(JobsTest::echo);
        Iterator<NdArray> source = IntStream.range(0, 10)
                .mapToObj(number -> {
                    if (number == 5) {
                        throw new IllegalArgumentException("the disk is full");
                    }
                    return rows(10);
                })
                .iterator();
        assertThrows(IllegalArgumentException.class, () -> map(source));
    }

    @Test
    void blocksMustBeAlike() {
        node(JobsTest::echo);
        assertThrows(ArgumentException.class, () -> map(List.of(rows(3), NdArray.of(new long[3])).iterator()));
        assertThrows(ArgumentException.class, () -> map(List.of(rows(3), "text").iterator()));
        assertThrows(ArgumentException.class, () -> map(List.of().iterator()));
        assertThrows(LengthMismatchException.class, () -> map(blocks(3, 10), rows(31)));
    }

    @Test
    void aReductionOverAStreamHasTheBitsOfTheSameLeaves() {
        node(call -> NdArray.of(new double[] {0.1 * ((NdArray) call.positional().get(0)).rowCount()}));
        JobOptions options = DEFAULTS.withChunkRows(16);
        Object whole =
                parts().reduceHere("stage", ReduceOp.mean(), Args.of(rows(1000)), options, Function.identity());
        Object streamed = parts().reduceHere(
                        "stage", ReduceOp.mean(), Args.of(blocks(100, 10)), options, Function.identity());
        assertEquals(whole, streamed);
    }

    // -- shared arrays

    @Test
    void aLargeArrayTravelsOnceToEachNode() {
        node(JobsTest::echo);
        node(JobsTest::echo);
        NdArray large = NdArray.of(new double[1 << 17]);
        start(TENS, rows(200), Broadcast.of(large)).result();
        assertTrue(nodes.stream().anyMatch(node -> !node.puts.isEmpty()));
        for (FakeNode node : nodes) {
            assertTrue(node.puts.size() <= 1);
            assertTrue(node.calls.stream().allMatch(call -> call.positional().get(1) instanceof Ref));
        }
    }

    @Test
    void aNodeThatForgotAnArrayGetsItAgain() {
        node(call -> call.positional().get(1) instanceof Ref ? new UnknownRefException("unknown") : echo(call));
        NdArray large = NdArray.of(new double[1 << 17]);
        assertEquals(rows(200), start(TENS, rows(200), Broadcast.of(large)).result());
        assertEquals(1, nodes.get(0).puts.size());
    }

    // -- life

    @Test
    void closingTheClientCancelsItsJobsAndLeavesNoThread() {
        CountDownLatch isLet = new CountDownLatch(1);
        node(call -> {
            await(isLet);
            return echo(call);
        });
        Job<Object> job = start(TENS, rows(100));
        isLet.countDown();
        parts().close();
        assertTrue(job.isDone());
        assertArrayEquals(
                new Object[0],
                Thread.getAllStackTraces().keySet().stream()
                        .filter(thread -> thread.getName().startsWith("pyrpc-job"))
                        .toArray());
        assertThrows(ConfigException.class, () -> map(rows(3)));
    }
}
