package io.pyrpc.transport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.NodeState;
import io.pyrpc.StageInfo;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.StageFailedException;
import io.pyrpc.errors.UnknownMethodException;
import io.pyrpc.errors.UnknownRefException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.testing.NodeProcess;
import io.pyrpc.wire.CallRequest;
import io.pyrpc.wire.Ref;
import io.pyrpc.wire.SampleArrays;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Calls of a real node. */
@Timeout(60)
class NodeCallTest {
    private static final String STAGES =
            """
            import time
            import numpy as np
            import pyrpc

            class Any:
                def echo(self, x):
                    return x

                def describe(self, x):
                    return [str(x.dtype), list(x.shape), x.tobytes() if x.dtype.kind != "T" else x.reshape(-1).tolist()]

                def add(self, a, b=1, *, scale=1):
                    return (a + b) * scale

                def fail(self):
                    raise ValueError("no luck")

                def sleep(self, seconds):
                    time.sleep(seconds)
                    return seconds

                def zeros(self, count):
                    return np.zeros(count, "u1")
            """;
    private static NodeProcess node;
    private static int requests;

    private Connection connection;

    @BeforeAll
    static void startNode() {
        node = NodeProcess.start(STAGES, "stages:Any");
    }

    @AfterAll
    static void stopNode() {
        node.close();
    }

    private Connection connect() {
        if (connection == null || !connection.isOpen()) {
            connection = Connection.open(Endpoint.parse(node.endpoint()), Duration.ofSeconds(5), null);
        }
        return connection;
    }

    @org.junit.jupiter.api.AfterEach
    void closeConnection() {
        if (connection != null) {
            connection.close();
        }
    }

    private static CallRequest request(String method, Object... arguments) {
        return CallRequest.of("Any." + method, Arrays.asList(arguments), ++requests);
    }

    private static long soon() {
        return System.nanoTime() + 30_000_000_000L;
    }

    private Object call(String method, Object... arguments) {
        return connect().invoke(request(method, arguments), soon(), null).value();
    }

    @Test
    void valuesComeBackAsTheyWere() {
        List<Object> values = new ArrayList<>(Arrays.asList(
                null, true, false, 0L, Long.MIN_VALUE, Long.MAX_VALUE, 1.5, -0.0, Double.NaN, "", "a\0é\uD83D\uDE00"));
        values.add(List.of(1L, List.of("x", Map.of("k", List.of()))));
        values.add(Map.of("a", 1L, "b", Map.of("c", 2.5)));
        for (Object value : values) {
            assertEquals(value, call("echo", value));
        }
        assertArrayEquals(new byte[] {1, -1, 0}, (byte[]) call("echo", new byte[] {1, -1, 0}));
        assertArrayEquals(new byte[100_000], (byte[]) call("echo", new byte[100_000]));
        assertEquals(7L, call("echo", (byte) 7));
        assertEquals(0.5, call("echo", 0.5f));
    }

    @Test
    void everyDtypeIsUnderstoodAndComesBackBitForBit() {
        for (NdArray array : SampleArrays.samples()) {
            NdArray back = (NdArray) call("echo", array);
            assertEquals(array, back);
            assertEquals(array.toString(), back.toString());
        }
    }

    @Test
    void nodeSeesTheSameNumbers() {
        assertEquals(
                List.of("float32", List.of(1L, 2L)),
                ((List<?>) call("describe", NdArray.of(new float[] {1, 2}, 1, 2))).subList(0, 2));
        assertEquals(
                List.of("a", "", "é"),
                ((List<?>) call("describe", NdArray.of(new String[] {"a", "", "é"}))).get(2));
    }

    @Test
    void largeArraysComeBackAndTheirMemoryIsUsedAgain() {
        float[] values = new float[1 << 20];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        for (int i = 0; i < 5; i++) {
            try (NdArray back = (NdArray) call("echo", NdArray.of(values))) {
                assertArrayEquals(values, back.toFloatArray());
            }
        }
    }

    @Test
    void arraysAreReceivedIntoTheirPlace() {
        NdArray whole = NdArray.zeros(DType.FLOAT32, 4, 100_000);
        NdArray sent = NdArray.of(new float[200_000], 2, 100_000);
        sent.asFloatBuffer().put(5, 7f);
        Object value = connect()
                .invoke(request("echo", sent), soon(), (dtype, shape) -> whole.rows(1, 3))
                .value();
        assertEquals(7f, whole.getFloat(1, 5));
        assertTrue(whole.sharesMemory((NdArray) value));
        assertEquals(sent, value);
    }

    @Test
    void callBeyondWhatAnyNodeTakesAsksFirst() {
        NdArray array = NdArray.zeros(DType.UINT8, 20_000_000);
        assertEquals(array, call("echo", array));
    }

    @Test
    void namedArgumentsAndRunsAreUnderstood() {
        CallRequest named = new CallRequest(
                "Any.add", List.of(1), Map.of("scale", 10), null, 5, 0, null, 5000, Map.of("traceparent", "x"));
        assertEquals(20L, connect().invoke(named, soon(), null).value());
        NdArray rows = NdArray.of(new long[] {1, 2, 3});
        CallRequest run = new CallRequest("Any.add", List.of(rows), Map.of(), 3L, 6, 1, null, -1, Map.of());
        var reply = connect().invoke(run, soon(), null);
        assertEquals(NdArray.of(new long[] {2, 3, 4}), reply.value());
        assertNotNull(reply.load().slots());
    }

    @Test
    void failedStageTellsWhatAndWhereAndTheConnectionGoesOn() {
        StageFailedException error = assertThrows(StageFailedException.class, () -> call("fail"));
        assertTrue(error.getMessage().contains("no luck"));
        assertTrue(error.remoteTraceback().contains("raise ValueError"));
        assertEquals("ValueError", error.remoteType());
        assertEquals(node.endpoint(), error.endpoint());
        Connection first = connection;
        assertThrows(UnknownMethodException.class, () -> call("none"));
        assertThrows(ArgumentException.class, () -> call("add"));
        assertEquals(3L, call("add", 1, 2));
        assertEquals(first, connection);
    }

    @Test
    void deadlineEndsTheCallAndTheConnection() {
        long deadline = System.nanoTime() + 50_000_000;
        assertThrows(DeadlineExceededException.class, () -> connect().invoke(request("sleep", 5), deadline, null));
        assertFalse(connection.isOpen());
    }

    @Test
    void abortEndsTheCallFromAnotherThread() throws Exception {
        Connection connection = connect();
        connection.send(request("sleep", 5), soon());
        CompletableFuture<Void> aborted = CompletableFuture.runAsync(connection::abort);
        CallRequest same = CallRequest.of("Any.sleep", List.of(5), requests);
        assertThrows(CancelledException.class, () -> connection.receive(same, soon(), null));
        aborted.get();
        assertFalse(connection.isOpen());
    }

    @Test
    void interruptEndsTheCallAndIsKept() {
        Connection connection = connect();
        Thread.currentThread().interrupt();
        try {
            assertThrows(CancelledException.class, () -> connection.invoke(request("sleep", 5), soon(), null));
            assertTrue(Thread.currentThread().isInterrupted());
        } finally {
            Thread.interrupted();
        }
        assertFalse(connection.isOpen());
    }

    @Test
    void severalCallsAreAnsweredInTheirOrder() {
        Connection connection = connect();
        CallRequest first = request("add", 1, 1);
        CallRequest second = request("add", 2, 2);
        connection.send(first, soon());
        connection.send(second, soon());
        assertTrue(connection.await(10_000_000_000L));
        assertEquals(2L, connection.receive(first, soon(), null).value());
        assertEquals(4L, connection.receive(second, soon(), null).value());
        assertFalse(connection.await(0));
    }

    @Test
    void nodeTellsOfItself() {
        var info = connect().ping(soon());
        assertEquals(NodeState.SERVING, info.state());
        assertEquals(node.pid(), info.pid());
        List<StageInfo> stages = connection.stages(null, soon());
        StageInfo add = stages.stream().filter(s -> s.name().equals("Any.add")).findFirst().orElseThrow();
        assertEquals(List.of("a", "b", "scale"), add.params().stream().map(p -> p.name()).toList());
        assertTrue(add.params().get(1).hasDefault());
        call("add", 1);
        assertTrue(connection.stats(null, soon()).stages().get("Any.add").calls() > 0);
    }

    @Test
    void valuesAreLeftOnTheNodeAndLetGo() {
        Ref ref = connect().put(NdArray.of(new double[] {1, 2}), null, soon());
        assertEquals(NdArray.of(new double[] {1, 2}), call("echo", ref));
        connection.release(ref, null, soon());
        assertThrows(UnknownRefException.class, () -> call("echo", ref));
    }

    @Test
    void nobodyThereIsUnreachable() {
        Endpoint nobody = new Endpoint("127.0.0.1", 1);
        UnreachableException error = assertThrows(
                UnreachableException.class, () -> Connection.open(nobody, Duration.ofSeconds(1), null));
        assertTrue(error.getMessage().contains("pyrpc serve"), error.getMessage());
    }

    @Test
    void killedNodeIsAConnectionLost() {
        try (NodeProcess other = NodeProcess.start(STAGES, "stages:Any");
                Connection connection =
                        Connection.open(Endpoint.parse(other.endpoint()), Duration.ofSeconds(5), null)) {
            CallRequest request = request("sleep", 30);
            connection.send(request, soon());
            other.kill();
            assertThrows(ConnectionLostException.class, () -> connection.receive(request, soon(), null));
            assertFalse(connection.isOpen());
        }
    }

    @Test
    void drainedNodeEnds() {
        try (NodeProcess other = NodeProcess.start(STAGES, "stages:Any");
                Connection connection =
                        Connection.open(Endpoint.parse(other.endpoint()), Duration.ofSeconds(5), null)) {
            assertEquals(NodeState.DRAINING, connection.drain(Duration.ofSeconds(1), null, soon()).state());
            assertEquals(0, other.await());
        }
    }

    @Test
    void restedConnectionsAreUsedAgainAndDeadOnesAreNot() {
        try (NodeProcess other = NodeProcess.start(STAGES, "stages:Any");
                ConnectionPool pool = new ConnectionPool(
                        Endpoint.parse(other.endpoint()), Duration.ofSeconds(5), null, false, Duration.ZERO)) {
            Connection first = pool.take(soon());
            first.ping(soon());
            pool.giveBack(first);
            assertEquals(first, pool.take(soon()));
            other.kill();
            pool.giveBack(first);
            assertInstanceOf(
                    UnreachableException.class,
                    assertThrows(RuntimeException.class, () -> pool.take(soon()).ping(soon())));
        }
    }
}
