package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.client.receipt.JobState;
import io.pyrpc.client.receipt.Outcome;
import io.pyrpc.errors.AuthException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.NodeException;
import io.pyrpc.errors.OverloadedException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.testing.Authority;
import io.pyrpc.testing.Cluster;
import io.pyrpc.testing.NodeProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Nodes that die, hang, go away, refuse: the same errors and results as with the Python client. */
@Timeout(90)
class ClientFaultsTest {
    private static final JobOptions TENS = JobOptions.ofDefaults().withChunkRows(10);

    private static NdArray rows(int count) {
        return NdArray.of(IntStream.range(0, count).toArray());
    }

    /** A job of which each node has done something and something is left. */
    private static Job<NdArray> halfDone(PyrpcClient client, String stage, NdArray x, int nodes) {
        Job<NdArray> job = client.mapAsync(stage, Args.of(x, 0.002), TENS);
        Set<String> seen = new HashSet<>();
        while (seen.size() < nodes) {
            job.receipt().entries().forEach(entry -> seen.add(entry.node()));
            Thread.onSpinWait();
        }
        return job;
    }

    @Test
    void aNodeThatDiesInTheMiddleOfAJobCostsNoRow() {
        try (Cluster cluster = Cluster.start(3);
                PyrpcClient client = cluster.client()) {
            Job<NdArray> job = halfDone(client, "Maths.slow_rows", rows(2000), 3);
            cluster.node(0).kill();
            assertEquals(rows(2000), job.result());
            Receipt receipt = job.receipt();
            assertTrue(receipt.entries().stream().anyMatch(entry -> entry.outcome() == Outcome.FAILED));
            assertEquals(2000, receipt.rowsDone());
            // And the next one does without it.
            assertEquals(rows(100), client.map("Maths.echo", rows(100)));
            assertEquals(2, client.ping().size());
        }
    }

    @Test
    void aNodeThatHangsLosesItsRowsToOthers() {
        try (Cluster cluster = Cluster.start(3);
                PyrpcClient client = cluster.client()) {
            Job<NdArray> job = halfDone(client, "Maths.slow_rows", rows(1000), 3);
            cluster.node(1).pause();
            assertEquals(rows(1000), job.result());
            assertTrue(job.receipt().retries() > 0);
            cluster.node(1).resume();
        }
    }

    @Test
    void aJobWhoseNodesAllDieFailsAndSaysSo() {
        try (Cluster cluster = Cluster.start(2);
                PyrpcClient client = cluster.client()) {
            Job<NdArray> job = halfDone(client, "Maths.slow_rows", rows(20_000), 2);
            cluster.node(0).kill();
            cluster.node(1).kill();
            UnreachableException error = assertThrows(UnreachableException.class, job::result);
            assertEquals("no node can be reached", error.what());
            assertEquals(JobState.FAILED, job.receipt().state());
            assertThrows(UnreachableException.class, () -> client.call("Maths.pid"));
        }
    }

    @Test
    void whatMustNotRunTwiceFailsWhenItsNodeDies() {
        try (Cluster cluster = Cluster.start(2);
                PyrpcClient client = cluster.client()) {
            Job<NdArray> job = halfDone(client, "Maths.once", rows(2000), 2);
            cluster.node(0).kill();
            assertThrows(ConnectionLostException.class, job::result);
        }
    }

    @Test
    void nodesCanBeRestartedOneAfterTheOtherDuringAJob() throws Exception {
        try (Cluster cluster = Cluster.start(2);
                PyrpcClient client = cluster.client()) {
            Job<NdArray> job = halfDone(client, "Maths.slow_rows", rows(4000), 2);
            List<NodeProcess> again = new ArrayList<>();
            for (int number = 0; number < 2; number++) {
                cluster.node(number).terminate();
                cluster.node(number).await();
                String port = Integer.toString(cluster.node(number).port());
                again.add(NodeProcess.start(Cluster.STAGES, "stages:Maths", "--port", port));
                assertEquals(3L, client.call("Maths.add", 1, 2));
            }
            assertEquals(rows(4000), job.result());
            again.forEach(NodeProcess::close);
        }
    }

    @Test
    void aLateCallIsAnsweredByAnotherNode() {
        try (Cluster cluster = Cluster.start(2);
                PyrpcClient client = cluster.builder().policy("round_robin").pingInterval(null).build()) {
            for (int count = 0; count < 60; count++) {
                client.call("Maths.quick_pid");
            }
            // On a busy machine some of those were late, and used up the budget. These are never hedged: they fill it.
            for (int count = 0; count < 400; count++) {
                client.call("Maths.add", 1, 2);
            }
            cluster.node(0).pause();
            long began = System.nanoTime();
            for (int count = 0; count < 4; count++) {
                assertEquals(cluster.node(1).pid(), client.call("Maths.quick_pid"));
            }
            assertTrue(System.nanoTime() - began < 10_000_000_000L, "it did not wait for the node that hangs");
            cluster.node(0).resume();
            assertEquals(3L, client.call("Maths.add", 1, 2));
        }
    }

    @Test
    void aLateCallThatIsCancelledIsBrokenOff() {
        try (Cluster cluster = Cluster.start(2);
                PyrpcClient client = cluster.builder().policy("round_robin").pingInterval(null).build()) {
            for (int count = 0; count < 400; count++) {
                client.call("Maths.quick_pid");
            }
            cluster.node(0).pause();
            cluster.node(1).pause();
            // Without a limit of time it goes alone.
            CompletableFuture<Object> late = client.withTimeout(null).submit("Maths.quick_pid");
            while (!isAnyThreadIn("io.pyrpc.client.HedgedCall")) {
                Thread.onSpinWait();
            }
            assertTrue(late.cancel(true));
            long until = System.nanoTime() + 20_000_000_000L;
            while (isAnyThreadIn("io.pyrpc.client.Submitter") && System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            assertFalse(isAnyThreadIn("io.pyrpc.client.Submitter"), "it still waits for a reply that nobody wants");
            cluster.node(0).resume();
            cluster.node(1).resume();
        }
    }

    private static boolean isAnyThreadIn(String type) {
        return Thread.getAllStackTraces().values().stream()
                .flatMap(Arrays::stream)
                .anyMatch(frame -> frame.getClassName().equals(type));
    }

    @Test
    void anOverloadedNodeRefusesAndIsTriedAgain() throws Exception {
        try (Cluster cluster = Cluster.start(1, "--threads", "1", "--max-queued", "1");
                PyrpcClient client = cluster.client()) {
            List<CompletableFuture<Object>> futures = new ArrayList<>();
            for (int count = 0; count < 12; count++) {
                futures.add(client.submit("Maths.sleep", 0.3));
            }
            int refused = 0;
            for (CompletableFuture<Object> future : futures) {
                try {
                    future.get();
                } catch (ExecutionException error) {
                    assertTrue(error.getCause() instanceof OverloadedException, error.toString());
                    refused++;
                }
            }
            assertTrue(refused > 0 && refused < 12, refused + " were refused");
            assertEquals(rows(100), client.map("Maths.echo", Args.of(rows(100)), TENS));
        }
    }

    @Test
    void aClientThatIsClosedBreaksOffWhatRunsAndLeavesNoThread() throws Exception {
        try (Cluster cluster = Cluster.start(2)) {
            PyrpcClient client = cluster.client();
            Job<NdArray> job = halfDone(client, "Maths.slow_rows", rows(10_000), 2);
            CompletableFuture<Object> future = client.submit("Maths.sleep", 20);
            client.close();
            assertThrows(CancelledException.class, job::result);
            ExecutionException error = assertThrows(ExecutionException.class, future::get);
            assertTrue(error.getCause() instanceof CancelledException, error.toString());
            assertEquals(
                    List.of(),
                    Thread.getAllStackTraces().keySet().stream()
                            .map(Thread::getName)
                            .filter(name -> name.startsWith("pyrpc-"))
                            .toList());
        }
    }

    @Test
    void aTokenIsAskedForAndSent(@TempDir Path folder) throws Exception {
        Path tokens = Files.writeString(folder.resolve("tokens.txt"), "me my-secret-token\nother no-right Other.*\n");
        Path mine = Files.writeString(folder.resolve("mine.txt"), "my-secret-token\n");
        try (Cluster cluster = Cluster.start(1, "--tokens", tokens.toString());
                PyrpcClient none = cluster.client();
                PyrpcClient wrong = cluster.builder().token("another-one").build();
                PyrpcClient right = cluster.builder().tokenFile(mine).build()) {
            assertThrows(AuthException.class, () -> none.call("Maths.add", 1, 2));
            assertThrows(AuthException.class, () -> wrong.map("Maths.echo", rows(10)));
            assertEquals(3L, right.call("Maths.add", 1, 2));
            assertEquals(rows(10), right.map("Maths.echo", rows(10)));
            assertEquals(1, right.stats().size());
            CompletableFuture<Object> submitted = right.submit("Maths.add", 1, 2);
            assertEquals(3L, submitted.get());
        }
    }

    @Test
    void aNodeThatIsDrainedGoesAwayAndCostsNoCall() {
        try (Cluster cluster = Cluster.start(2);
                PyrpcClient client = cluster.client()) {
            Job<NdArray> job = halfDone(client, "Maths.slow_rows", rows(500), 2);
            NodeInfo info = Draining.of(cluster.node(0).endpoint())
                    .withGrace(Duration.ofSeconds(20))
                    .withWait(Duration.ofSeconds(30))
                    .drain();
            assertEquals(NodeState.DRAINING, info.state());
            assertEquals(0, cluster.node(0).await());
            assertEquals(rows(500), job.result());
            assertEquals(cluster.node(1).pid(), client.call("Maths.pid"));
            Draining gone = Draining.of(cluster.node(0).endpoint());
            assertThrows(UnreachableException.class, gone::drain);
        }
    }

    @Test
    void callsAndJobsGoOverTlsAndWithChecksums(@TempDir Path folder) {
        Authority authority = Authority.make(folder, "ca");
        Authority.Pair pair = authority.issue("node", "localhost", "127.0.0.1");
        String[] options = {"--tls-cert", pair.cert().toString(), "--tls-key", pair.key().toString()};
        Tls right = Tls.ofCa(authority.ca());
        Tls wrong = Tls.ofCa(Authority.make(folder, "stranger").ca());
        NdArray large = NdArray.of(new double[1 << 19]).reshape(1 << 10, 1 << 9);
        try (Cluster cluster = Cluster.start(2, options);
                PyrpcClient client = cluster.builder().tls(right).checksums(true).build();
                PyrpcClient stranger = cluster.builder().tls(wrong).build();
                PyrpcClient plain = cluster.builder().withoutTls().build()) {
            assertEquals(3L, client.call("Maths.add", 1, 2));
            assertEquals(large, client.map("Maths.echo", large));
            assertEquals(rows(100), client.map("Maths.echo", Args.of(rows(100)), TENS));
            assertThrows(TlsException.class, () -> stranger.call("Maths.add", 1, 2));
            assertThrows(NodeException.class, () -> plain.call("Maths.add", 1, 2));
        }
    }

    @Test
    void aNodeThatNobodyStartedCannotBeReached() {
        try (Cluster cluster = Cluster.start(1)) {
            String gone = cluster.node(0).endpoint();
            cluster.node(0).kill();
            try (PyrpcClient client = PyrpcClient.connect(gone)) {
                UnreachableException error =
                        assertThrows(UnreachableException.class, () -> client.call("Maths.add", 1, 2));
                assertEquals(gone, error.endpoint());
                assertThrows(NodeException.class, client::ping);
                JobOptions options = JobOptions.ofDefaults().withTimeout(Duration.ofSeconds(20));
                assertThrows(
                        UnreachableException.class, () -> client.map("Maths.echo", Args.of(rows(3)), options));
            }
        }
    }
}
