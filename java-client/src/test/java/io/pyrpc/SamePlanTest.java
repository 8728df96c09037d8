package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pyrpc.client.receipt.ChunkRecord;
import io.pyrpc.testing.Cluster;
import io.pyrpc.testing.PythonScript;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The same job with the same seed on the same nodes: the same plan and the same bytes as from the Python client.
 *
 * <p>All chunks fit into the windows of the nodes, so each is given to its first node before any comes back, and
 * nothing that is compared hangs on time.
 */
@Timeout(60)
class SamePlanTest {
    private static final String SCRIPT =
            """
            import hashlib
            import sys
            import numpy as np
            from pyrpc import Client
            x = np.arange(46.0).reshape(23, 2) / 7
            with Client(sys.argv[1], seed=5, window=4, job_policy=sys.argv[2], ping_s=None) as client:
                for _ in range(2):
                    job = client.map_async("Maths.slow_rows", x, 0.1, chunk_rows=2)
                    print(hashlib.sha256(job.result().tobytes()).hexdigest())
                    firsts = [entry for entry in job.receipt.entries if entry.attempt == 0]
                    for entry in sorted(firsts, key=lambda entry: (entry.chunk, entry.sent_s)):
                        print(entry.chunk, entry.start_row, entry.stop_row, entry.node)
            """;

    private static Cluster cluster;

    @BeforeAll
    static void start() {
        cluster = Cluster.start(3);
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"random", "random_priority", "round_robin", "power_of_two", "weighted"})
    void oneSeedMakesTheSamePlanAndTheSameBytes(String policy) throws Exception {
        NdArray x = NdArray.of(IntStream.range(0, 46).mapToDouble(value -> value / 7.0).toArray(), 23, 2);
        StringBuilder got = new StringBuilder();
        try (PyrpcClient client =
                cluster.builder().seed(5).window(4).jobPolicy(policy).pingInterval(null).build()) {
            for (int count = 0; count < 2; count++) {
                Job<NdArray> job = client.mapAsync(
                        "Maths.slow_rows", Args.of(x, 0.1), JobOptions.ofDefaults().withChunkRows(2));
                MessageDigest digest = MessageDigest.getInstance("SHA-256");
                digest.update(job.result().asByteBuffer());
                got.append(HexFormat.of().formatHex(digest.digest())).append('\n').append(planOf(job));
            }
        }
        assertEquals(PythonScript.run(SCRIPT, cluster.endpoints(), policy), got.toString());
    }

    private static String planOf(Job<NdArray> job) {
        return job.receipt().entries().stream()
                .filter(entry -> entry.attempt() == 0)
                .sorted(Comparator.comparingLong(ChunkRecord::chunk).thenComparingDouble(ChunkRecord::sentS))
                .map(e -> "%d %d %d %s\n".formatted(e.chunk(), e.startRow(), e.stopRow(), e.node()))
                .collect(Collectors.joining());
    }
}
