package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.client.receipt.ChunkRecord;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.ContractException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.StageFailedException;
import io.pyrpc.errors.UnknownMethodException;
import io.pyrpc.errors.UnsupportedTypeException;
import io.pyrpc.testing.Cluster;
import io.pyrpc.testing.PythonScript;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What users do, with real nodes. */
@Timeout(60)
class PyrpcClientTest {
    private static Cluster cluster;
    private static PyrpcClient client;

    @BeforeAll
    static void start() {
        cluster = Cluster.start(3);
        client = cluster.client();
    }

    @AfterAll
    static void stop() {
        client.close();
        cluster.close();
    }

    private static NdArray floats(int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int index = 0; index < values.length; index++) {
            values[index] = index * 0.25f;
        }
        return NdArray.of(values, rows, columns);
    }

    private static NdArray doubled(NdArray array) {
        float[] values = array.toFloatArray();
        for (int index = 0; index < values.length; index++) {
            values[index] *= 2;
        }
        return NdArray.of(values).reshape(array.shape());
    }

    // -- calls

    @Test
    void aCallGivesWhatTheMethodGives() {
        assertEquals(3L, client.call("Maths.add", 1, 2));
        assertEquals(9L, client.call("Maths.add", Args.of(1, 2).named("scale", 3)));
        assertEquals(2.5, client.call(Double.class, "Maths.add", 1.5));
        assertNull(client.call("Maths.nothing", 1));
        assertEquals(List.of(1L, "two", true), client.call("Maths.echo", List.of(1, "two", true)));
        assertEquals(floats(2, 2), client.call(NdArray.class, "Maths.echo", floats(2, 2)));
        assertArrayEquals(new byte[] {1, 2}, client.call(byte[].class, "Maths.echo", new byte[] {1, 2}));
        assertThrows(BadResultException.class, () -> client.call(String.class, "Maths.add", 1, 2));
    }

    @Test
    void aStageThatRaisesGivesItsTraceback() {
        StageFailedException error = assertThrows(StageFailedException.class, () -> client.call("Maths.fail", 1));
        assertEquals("ValueError", error.remoteType());
        assertTrue(error.remoteTraceback().contains("raise ValueError(\"no luck\")"), error.remoteTraceback());
    }

    @Test
    void aCallThatCannotWorkSaysWhy() {
        UnknownMethodException name = assertThrows(UnknownMethodException.class, () -> client.call("Maths.ad", 1));
        assertEquals("did you mean 'Maths.add'?", name.help());
        assertThrows(ArgumentException.class, () -> client.call("Maths.add"));
        assertThrows(ContractException.class, () -> client.call("Maths.double", NdArray.of(new double[3])));
        assertThrows(UnsupportedTypeException.class, () -> client.call("Maths.echo", new Object()));
        assertThrows(ArgumentException.class, () -> client.call((String) null, 1));
    }

    @Test
    void aCallEndsAtItsDeadline() {
        PyrpcClient hasty = client.withTimeout(Duration.ofMillis(100));
        DeadlineExceededException error =
                assertThrows(DeadlineExceededException.class, () -> hasty.call("Maths.sleep", 5));
        assertTrue(error.what().startsWith("Maths.sleep: "), error.what());
        assertThrows(ConfigException.class, () -> client.withTimeout(Duration.ZERO));
    }

    @Test
    void anInterruptEndsACall() throws Exception {
        CompletableFuture<Throwable> ended = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                client.call("Maths.sleep", 20);
            } catch (CancelledException error) {
                ended.complete(error);
            } catch (RuntimeException error) {
                ended.completeExceptionally(error);
            }
        });
        caller.start();
        while (client.stats().values().stream().noneMatch(stats -> stats.load().inFlight() > 0)) {
            Thread.onSpinWait();
        }
        caller.interrupt();
        assertTrue(ended.get(10, TimeUnit.SECONDS) instanceof CancelledException);
    }

    @Test
    void thousandsOfSubmittedCallsAllEnd() throws Exception {
        List<CompletableFuture<Object>> futures = new ArrayList<>();
        for (int number = 0; number < 3000; number++) {
            futures.add(client.submit("Maths.add", number, 1));
        }
        for (int number = 0; number < 3000; number++) {
            assertEquals(number + 1L, futures.get(number).get(30, TimeUnit.SECONDS));
        }
    }

    @Test
    void aFailureAmongSubmittedCallsIsItsOwn() throws Exception {
        List<CompletableFuture<Object>> futures = new ArrayList<>();
        for (int number = 0; number < 200; number++) {
            boolean isOdd = number % 10 == 3;
            futures.add(isOdd ? client.submit("Maths.add") : client.submit("Maths.add", number, 1));
        }
        for (int number = 0; number < 200; number++) {
            CompletableFuture<Object> future = futures.get(number);
            if (number % 10 == 3) {
                assertTrue(future.handle((value, error) -> error instanceof ArgumentException).get());
            } else {
                assertEquals(number + 1L, future.get(30, TimeUnit.SECONDS));
            }
        }
        assertTrue(client.submit("Maths.echo", new Object())
                .handle((value, error) -> error instanceof UnsupportedTypeException)
                .get(30, TimeUnit.SECONDS));
    }

    @Test
    void aSubmittedCallCanBeCancelled() throws Exception {
        try (PyrpcClient one = PyrpcClient.connect(cluster.node(0).endpoint())) {
            CompletableFuture<Object> future = one.submit("Maths.sleep", Args.of(20).named(Map.of()));
            while (one.stats().values().iterator().next().load().inFlight() == 0) {
                Thread.onSpinWait();
            }
            assertTrue(future.cancel(true));
            assertThrows(CancellationException.class, future::join);
        }
    }

    @Test
    void oneSeedMakesTheChoicesOfThePythonClient() {
        String script =
                """
                import sys
                from pyrpc import Client
                with Client(sys.argv[1], seed=7, policy=sys.argv[2], ping_s=None) as client:
                    print(*(client.call("Maths.pid") for _ in range(40)))
                """;
        for (String policy : List.of("random", "random_priority")) {
            try (PyrpcClient seeded = cluster.builder().seed(7).policy(policy).pingInterval(null).build()) {
                String chosen = IntStream.range(0, 40)
                        .mapToObj(number -> seeded.call("Maths.pid").toString())
                        .collect(Collectors.joining(" "));
                assertEquals(PythonScript.run(script, cluster.endpoints(), policy).strip(), chosen, policy);
            }
        }
    }

    @Test
    void oneSeedMakesTheJobsOfThePythonClient() {
        String script =
                """
                import sys
                import numpy as np
                from pyrpc import Client
                with Client(sys.argv[1], seed=11, job_policy="random") as client:
                    for _ in range(6):
                        job = client.map_async("Maths.echo", np.zeros(4), chunk_rows=2)
                        job.result()
                        firsts = [entry for entry in job.receipt.entries if entry.attempt == 0]
                        print(*(entry.node for entry in sorted(firsts, key=lambda entry: entry.chunk)))
                """;
        StringBuilder chosen = new StringBuilder();
        try (PyrpcClient seeded = cluster.builder().seed(11).jobPolicy("random").build()) {
            JobOptions twos = JobOptions.ofDefaults().withChunkRows(2);
            for (int count = 0; count < 6; count++) {
                Job<NdArray> job = seeded.mapAsync("Maths.echo", Args.of(NdArray.of(new double[4])), twos);
                job.result();
                chosen.append(job.receipt().entries().stream()
                                .filter(entry -> entry.attempt() == 0)
                                .sorted(Comparator.comparingLong(ChunkRecord::chunk))
                                .map(ChunkRecord::node)
                                .collect(Collectors.joining(" ")))
                        .append('\n');
            }
        }
        assertEquals(PythonScript.run(script, cluster.endpoints()), chosen.toString());
    }

    @Test
    void aPolicyOfOnesOwnPicks() {
        PyrpcClient last = client.withPolicy((nodes, prng, nowS) -> nodes.size() - 1);
        assertEquals(cluster.node(2).pid(), last.call("Maths.pid"));
        PyrpcClient wrong = client.withPolicy((nodes, prng, nowS) -> nodes.size());
        assertThrows(ConfigException.class, () -> wrong.call("Maths.pid"));
        PyrpcClient turning = client.withPolicy("round_robin");
        assertEquals(3, IntStream.range(0, 3).mapToObj(n -> turning.call("Maths.pid")).distinct().count());
        assertThrows(ConfigException.class, () -> client.withPolicy("best"));
    }

    // -- about the nodes

    @Test
    void theNodesTellOfThemselves() {
        assertEquals(3, client.ping().size());
        assertEquals(client.endpoints(), List.copyOf(client.stats().keySet()));
        StageInfo stage = client.stages().stream()
                .filter(info -> info.name().equals("Maths.double"))
                .findFirst()
                .orElseThrow();
        assertEquals(true, stage.idempotent());
        assertEquals(List.of("n", "d"), stage.gives().get(0).dims());
        assertTrue(client.stats().values().iterator().next().uptimeS() > 0);
    }

    // -- maps

    @Test
    void aMapGivesItsRowsInOrder() {
        NdArray x = floats(20_000, 16);
        assertEquals(doubled(x), client.map("Maths.double", x));
    }

    @Test
    void aLargeMapIsReceivedIntoItsResult() {
        NdArray x = floats(200_000, 32);
        Job<NdArray> job = client.mapAsync("Maths.double", x);
        assertEquals(doubled(x), job.result());
        assertEquals(200_000, job.receipt().rowsDone());
        assertTrue(job.receipt().bytesIn() >= x.byteSize());
    }

    @Test
    void argumentsGoWholeByNameOrMarked() {
        NdArray x = floats(1000, 2);
        NdArray weights = NdArray.of(new float[] {2, 0});
        NdArray scaled =
                client.map("Maths.scaled", Args.of(x, Broadcast.of(weights)).named("bias", 0.0));
        assertEquals(doubled(x), scaled);
        NdArray large = NdArray.of(new float[1 << 19]);
        large.asFloatBuffer().put(0, 2);
        assertEquals(doubled(x), client.map("Maths.scaled", x, Broadcast.of(large)));
    }

    @Test
    void aTupleOfArraysComesAsAList() {
        NdArray x = floats(5000, 3);
        List<NdArray> both = client.mapTuple("Maths.both", x);
        assertEquals(x, both.get(0));
        assertEquals(DType.FLOAT64, both.get(1).dtype());
        BadResultException error = assertThrows(BadResultException.class, () -> client.map("Maths.both", x));
        assertEquals("use mapTuple, mapTupleAsync or imapTuple", error.help());
        assertThrows(BadResultException.class, () -> client.mapTuple("Maths.double", x));
    }

    @Test
    void textsOfAnyLengthComeBackInOrder() {
        NdArray names = client.map("Maths.names", NdArray.of(IntStream.range(0, 3000).toArray()));
        assertEquals("row 2999", names.getString(2999));
        assertEquals("row 0", names.getString(0));
    }

    @Test
    void aMapIsCheckedBeforeAnythingIsSent() {
        ContractException contract =
                assertThrows(ContractException.class, () -> client.map("Maths.double", NdArray.of(new double[3])));
        assertEquals("float32[n,d]", contract.expected());
        assertThrows(ConfigException.class, () -> client.map("Maths.whole", floats(3, 1)));
        assertThrows(UnknownMethodException.class, () -> client.map("Maths.duble", floats(3, 1)));
        assertThrows(
                BadResultException.class, () -> client.map("Maths.nothing", floats(3, 1)));
    }

    @Test
    void aMapOverNoRowsGivesNone() {
        assertArrayEquals(new long[] {0, 7}, client.map("Maths.double", floats(0, 7)).shape());
        assertArrayEquals(new long[] {0, 7}, client.map("Maths.echo", floats(0, 7)).shape());
    }

    @Test
    void chunksEndAsTheyEndAndTheirValuesAreViews() {
        NdArray x = floats(1000, 4);
        Job<NdArray> job = client.mapAsync("Maths.double", Args.of(x), JobOptions.ofDefaults().withChunkRows(100));
        int chunks = 0;
        for (Completed<NdArray> chunk : job.asCompleted()) {
            assertEquals(doubled(x.rows(chunk.start(), chunk.stop())), chunk.value());
            chunks++;
        }
        assertEquals(10, chunks);
        assertEquals(doubled(x), job.toFuture().join());
    }

    @Test
    void aStreamIsMappedBlockByBlock() {
        NdArray x = floats(10_000, 8);
        Iterator<NdArray> source =
                IntStream.range(0, 100).mapToObj(n -> x.rows(100L * n, 100L * n + 100)).iterator();
        List<NdArray> blocks = new ArrayList<>();
        try (Blocks<NdArray> results = client.imap("Maths.double", source)) {
            results.forEach(blocks::add);
        }
        assertEquals(doubled(x), NdArray.concat(blocks));
    }

    @Test
    void aCancelledMapLeavesTheClientInOrder() {
        NdArray x = floats(1000, 1);
        Job<NdArray> job = client.mapAsync("Maths.slow_rows", x, 0.01);
        assertTrue(job.cancel());
        assertThrows(CancelledException.class, job::result);
        assertEquals(3L, client.call("Maths.add", 1, 2));
        assertFalse(job.receipt().toString().isEmpty());
    }

    @Test
    void aMapEndsAtItsDeadline() {
        JobOptions options = JobOptions.ofDefaults().withTimeout(Duration.ofMillis(200));
        assertThrows(
                DeadlineExceededException.class,
                () -> client.map("Maths.slow_rows", Args.of(floats(100, 1), 0.1), options));
    }

    // -- reductions

    @Test
    void aReductionHasTheBitsOfThePythonClients() {
        double[] values = new double[5000];
        for (int index = 0; index < values.length; index++) {
            values[index] = 1.0 / (index + 3);
        }
        String script =
                """
                import sys
                import numpy as np
                from pyrpc import Client
                with Client(sys.argv[1]) as client:
                    x = 1.0 / (np.arange(5000).reshape(1000, 5) + 3)
                    for op in ("sum", "mean"):
                        total = client.reduce("Maths.total", x, op=op)
                        print(*(value.hex() for value in total["sum"].tolist()), total["rows"])
                """;
        StringBuilder got = new StringBuilder();
        for (ReduceOp op : List.of(ReduceOp.sum(), ReduceOp.mean())) {
            Map<?, ?> total = (Map<?, ?>) client.reduce("Maths.total", op, NdArray.of(values, 1000, 5));
            for (double value : ((NdArray) total.get("sum")).toDoubleArray()) {
                got.append(hex(value)).append(' ');
            }
            got.append(total.get("rows")).append('\n');
        }
        assertEquals(PythonScript.run(script, cluster.endpoints()), got.toString());
    }

    /** As Python's float.hex writes it. */
    private static String hex(double value) {
        String text = Double.toHexString(value);
        int exponent = text.indexOf('p');
        String digits = text.substring(4, exponent);
        String sign = text.charAt(exponent + 1) == '-' ? "" : "+";
        return "0x1." + digits + "0".repeat(13 - digits.length()) + "p" + sign + text.substring(exponent + 1);
    }

    @Test
    void aReductionOfOnesOwnFoldsFromLeftToRight() {
        Object rows = client.reduce(
                "Maths.total",
                ReduceOp.of((left, right) -> Map.of("rows", Math.max(rows(left), rows(right)))),
                floats(640, 1));
        assertEquals(10L, rows(rows));
    }

    private static long rows(Object total) {
        return (Long) ((Map<?, ?>) total).get("rows");
    }

    // -- receipts

    @Test
    void aReceiptIsReadByThePythonClient(@TempDir Path folder) {
        Job<NdArray> job = client.mapAsync("Maths.double", floats(5000, 4));
        job.result();
        Receipt receipt = job.receipt();
        Path trace = folder.resolve("trace.json");
        receipt.save(trace);
        String script =
                """
                import sys
                from pyrpc.client.receipt import Receipt
                receipt = Receipt.load(sys.argv[1])
                print(receipt)
                """;
        assertEquals(receipt.toString(), PythonScript.run(script, trace.toString()).strip());
        assertEquals(receipt, Receipt.load(trace));
        assertEquals(5000, receipt.rowsDone());
        assertEquals(
                receipt.gapS(), receipt.causes().values().stream().mapToDouble(v -> v).sum(), 1e-6);
    }
}
