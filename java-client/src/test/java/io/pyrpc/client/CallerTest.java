package io.pyrpc.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.Args;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.OverloadedException;
import io.pyrpc.errors.StageFailedException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.plan.JobPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CallerTest {
    private final List<FakeNode> nodes = new ArrayList<>();
    private Parts parts;

    private FakeNode node(Function<Node.Call, Object> answer) {
        FakeNode node = new FakeNode("n" + nodes.size() + ":1", answer);
        nodes.add(node);
        return node;
    }

    private Object call() {
        return call(Duration.ofSeconds(20));
    }

    private Object call(Duration timeout) {
        if (parts == null) {
            parts = new Parts(
                    List.copyOf(nodes), new Parts.Options(null, JobPolicy.ofDefaults(), null, 1, null));
        }
        return parts.calls().call("stage", Args.of(1), timeout);
    }

    @AfterEach
    void close() {
        if (parts != null) {
            parts.close();
        }
    }

    @Test
    void aNodeThatCannotBeReachedIsLeftForAnotherOne() {
        node(call -> new UnreachableException("gone"));
        node(call -> 7L);
        for (int count = 0; count < 4; count++) {
            assertEquals(7L, call());
        }
        assertEquals(1, nodes.get(0).calls.size(), "it is not tried again at once");
    }

    @Test
    void callsShareAConnectionOnlyWhereNoneCanEndItForTheOthers() {
        for (boolean takesBatches : List.of(true, false)) {
            FakeNode node = new FakeNode("n0:1", call -> 7L);
            node.takesBatches = takesBatches;
            try (Closing one = new Closing(new Parts(
                    List.of(node), new Parts.Options(null, JobPolicy.ofDefaults(), null, 1, null)))) {
                for (int count = 0; count < 10; count++) {
                    assertEquals(
                            7L, one.parts().calls().submit("stage", Args.of(1), Duration.ofSeconds(20)).join());
                }
            }
            assertEquals(takesBatches ? 10 : 0, node.batched.get());
        }
    }

    private record Closing(Parts parts) implements AutoCloseable {
        @Override
        public void close() {
            parts.close();
        }
    }

    @Test
    void whenNobodyCanBeReachedTheErrorNamesAll() {
        node(call -> new UnreachableException("gone"));
        node(call -> new UnreachableException("gone"));
        UnreachableException error = assertThrows(UnreachableException.class, this::call);
        assertEquals("at least one of n0:1, n1:1", error.expected());
    }

    @Test
    void theErrorOfAStageIsNotTriedAgain() {
        FakeNode node = node(call -> new StageFailedException("it raised"));
        assertThrows(StageFailedException.class, this::call);
        assertEquals(1, node.calls.size());
    }

    @Test
    void whatMayHaveRunIsTriedAgainOnlyWhereThatIsDeclared() {
        AtomicInteger count = new AtomicInteger();
        FakeNode node = node(call -> count.getAndIncrement() == 0 ? new ConnectionLostException("cut") : 7L);
        assertThrows(ConnectionLostException.class, this::call);
        count.set(0);
        node.idempotent(true);
        close();
        parts = null;
        assertEquals(7L, call());
        assertEquals(1, node.calls.get(2).attempt());
    }

    @Test
    void anOverloadedNodeIsLeftAloneForAsLongAsItAsks() {
        Detail detail = Detail.NONE.withRetryAfter(Duration.ofMillis(50));
        AtomicInteger count = new AtomicInteger();
        node(call -> count.getAndIncrement() == 0 ? new OverloadedException("full", detail) : 7L);
        long began = System.nanoTime();
        assertEquals(7L, call());
        assertTrue(System.nanoTime() - began >= 50_000_000);
    }

    @Test
    void aWaitThatWouldEndTooLateIsNotBegun() {
        Detail detail = Detail.NONE.withRetryAfter(Duration.ofSeconds(60));
        node(call -> new OverloadedException("full", detail));
        assertThrows(OverloadedException.class, () -> call(Duration.ofSeconds(5)));
    }

    @Test
    void thatTimeRanOutIsSaidOfTheMethod() {
        node(call -> new DeadlineExceededException("no reply"));
        DeadlineExceededException error = assertThrows(DeadlineExceededException.class, this::call);
        assertEquals("stage: no reply", error.what());
    }

    @Test
    void submittedCallsAllEnd() throws Exception {
        node(call -> call.positional().get(0));
        node(call -> call.positional().get(0));
        call();
        List<CompletableFuture<Object>> futures = new ArrayList<>();
        for (long number = 0; number < 1000; number++) {
            futures.add(parts.calls().submit("stage", Args.of(number), Duration.ofSeconds(20)));
        }
        for (int number = 0; number < 1000; number++) {
            assertEquals((long) number, futures.get(number).get(20, TimeUnit.SECONDS));
        }
    }

    @Test
    void quickCallsDoNotWaitForSlowOnes() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        FakeNode node = new FakeNode("n0:1", call -> {
            if (call.method().equals("slow")) {
                awaitQuietly(release);
            }
            return 7L;
        });
        node.serviceUs = 10;
        try (Closing one = new Closing(
                new Parts(List.of(node), new Parts.Options(null, JobPolicy.ofDefaults(), null, 1, null)))) {
            Duration timeout = Duration.ofSeconds(60);
            one.parts().calls().submit("quick", Args.of(1), timeout).get(20, TimeUnit.SECONDS);
            for (int count = 0; count < 5; count++) {
                one.parts().calls().submit("slow", Args.of(1), timeout);
            }
            assertEquals(7L, one.parts().calls().submit("quick", Args.of(1), timeout).get(20, TimeUnit.SECONDS));
            release.countDown();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void aSubmittedCallThatFailsTellsWhy() {
        node(call -> new StageFailedException("it raised"));
        failOnce();
        CompletableFuture<Object> future = parts.calls().submit("stage", Args.none(), Duration.ofSeconds(20));
        ExecutionException error = assertThrows(ExecutionException.class, () -> future.get(20, TimeUnit.SECONDS));
        assertTrue(error.getCause() instanceof StageFailedException);
    }

    private void failOnce() {
        assertThrows(StageFailedException.class, this::call);
    }

    @Test
    void aClosedClientTakesNoCalls() {
        node(call -> 7L);
        call();
        parts.close();
        assertThrows(ConfigException.class, this::call);
    }

    @Test
    void anInterruptEndsTheWaitBeforeAnotherAttempt() {
        Detail detail = Detail.NONE.withRetryAfter(Duration.ofSeconds(10));
        node(call -> {
            Thread.currentThread().interrupt();
            return new OverloadedException("full", detail);
        });
        assertThrows(CancelledException.class, this::call);
        assertTrue(Thread.interrupted());
    }
}
