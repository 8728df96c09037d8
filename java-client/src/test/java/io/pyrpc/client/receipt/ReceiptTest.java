package io.pyrpc.client.receipt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.Receipt;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.plan.JobTerms;
import io.pyrpc.plan.NodeFit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReceiptTest {
    /** What other programs read; the Python client's test has the same lists. */
    private static final Set<String> KEYS = keys("bytes_in bytes_out causes entries error fits gap gap_s idempotent"
            + " is_divisible lower_bound_s makespan_s max_rows most_window nodes policy probes retries row_bytes rows"
            + " rows_by_node stage state version window work");

    private static final Set<String> ENTRY_KEYS = keys("attempt bytes_in bytes_out chunk done_s error error_type node"
            + " outcome prepare_s queued_s replied_s sent_s service_s slot start_row stop_row");

    @TempDir
    private Path folder;

    private static Set<String> keys(String text) {
        return Set.of(text.split(" "));
    }

    private static ChunkRecord ok(long chunk, String node, int attempt, double sentS, double doneS) {
        return new ChunkRecord(
                chunk, 10 * chunk, 10 * chunk + 10, node, attempt, 0, sentS, doneS, 0, 0.5, 100, 200, Outcome.OK, null,
                0, 0, null);
    }

    private static Receipt receipt() {
        List<ChunkRecord> entries = List.of(
                new ChunkRecord(
                        0, 0, 10, "a:1", 0, 0, 0, 1, 0.125, 0.5, 100, 200, Outcome.OK, null, 0.0625, 0.75, null),
                new ChunkRecord(
                        1, 10, 20, "b:1", 0, 1, 0, 1.5, 0, 0, 0, 0, Outcome.FAILED, "gone", 0, 0,
                        "ConnectionLostError"),
                ok(1, "a:1", 1, 1.5, 2.0));
        return new Receipt(new JobRecord(
                "Vision.extract",
                20,
                List.of("a:1", "b:1", "c:1"),
                2.25,
                entries,
                List.of(new NodeFit("a:1", 2, 0.001, 0.05, 0.05, 0.2)),
                8,
                new JobTerms("min_max", 2, true, true, 1000L, 0),
                JobState.DONE,
                null,
                List.of(new ProbeRecord("b:1", 1.75, false))));
    }

    @Test
    void theBoundIsTheRowsOverTheSpeedThatNodesShowed() {
        Receipt receipt = receipt();
        // Node a ran 20 rows in 1 s; nobody else showed any speed.
        assertEquals(1.0, receipt.lowerBoundS(), 1e-12);
        assertEquals(1.25, receipt.gapS(), 1e-12);
        assertEquals(1.25, receipt.causes().values().stream().mapToDouble(v -> v).sum(), 1e-12);
        assertEquals(Map.of("a:1", 20L, "b:1", 0L, "c:1", 0L), receipt.rowsByNode());
        assertEquals(1, receipt.retries());
    }

    @Test
    void chunksOfAGridStayWholeInTheBound() {
        assertEquals(2.0, Bound.listBoundS(3, new double[] {1, 1}), 1e-9);
        assertEquals(1.0, Bound.listBoundS(2, new double[] {1, 1}), 1e-9);
        assertEquals(2.0, Bound.listBoundS(3, new double[] {1, 2}), 1e-9);
        assertEquals(1.5, Bound.gridBoundS(new long[] {10, 10, 10}, new double[] {10 / 0.5, 0}), 1e-9);
    }

    private static ChunkRecord failed(double sentS, double doneS, String errorType) {
        return new ChunkRecord(
                9, 90, 100, "a:1", 0, 0, sentS, doneS, 0, 0, 0, 0, Outcome.FAILED, "gone", 0, 0, errorType);
    }

    @Test
    void aNodeThatGoesAwayIsDownWhicheverOfItsChunksEndsLast() {
        for (List<String> types : List.of(
                List.of("ConnectionLostError", "DrainingError"), List.of("DrainingError", "ConnectionLostError"))) {
            Receipt receipt = new Receipt(new JobRecord(
                    "Vision.extract",
                    20,
                    List.of("a:1", "b:1"),
                    3.0,
                    List.of(
                            ok(0, "a:1", 0, 0, 1),
                            failed(1, 1.25, types.get(0)),
                            failed(1.125, 1.5, types.get(1)),
                            ok(1, "b:1", 0, 0, 3)),
                    List.of(),
                    8,
                    new JobTerms("min_max", 2, true, true, 1000L, 0),
                    JobState.DONE,
                    null,
                    List.of()));
            // Both have the same speed: of 1.5 s at the end, a half.
            assertEquals(0.75, receipt.causes().get("down"), 1e-9);
        }
    }

    @Test
    void keysAreThoseOfThePythonClient() {
        Map<String, Object> map = receipt().toMap();
        assertEquals(KEYS, map.keySet());
        for (Object entry : (List<?>) map.get("entries")) {
            assertEquals(ENTRY_KEYS, ((Map<?, ?>) entry).keySet());
        }
        assertEquals(1000L, map.get("max_rows"));
    }

    @Test
    void aMapComesBackAsTheSameReceipt() {
        assertEquals(receipt(), Receipt.fromMap(receipt().toMap()));
    }

    @Test
    void aFileComesBackAsTheSameReceipt() throws Exception {
        Path trace = folder.resolve("trace.json");
        receipt().save(trace);
        assertEquals(receipt(), Receipt.load(trace));
        Files.writeString(trace, receipt().toJson());
        assertEquals(receipt(), Receipt.load(trace));
    }

    @Test
    void whatIsNoReceiptIsRefused() throws Exception {
        Path file = folder.resolve("x.json");
        for (String text : List.of("{", "{\"traceEvents\": []}", "[1, 2", "{\"version\": 2}", "{}", "1", "{\"a\" 1}")) {
            Files.writeString(file, text);
            assertThrows(ConfigException.class, () -> Receipt.load(file), text);
        }
        assertThrows(ConfigException.class, () -> receipt().save(folder.resolve("x.txt")));
        for (String key : List.of("stage", "state", "nodes", "entries", "rows", "policy")) {
            Map<String, Object> map = new LinkedHashMap<>(receipt().toMap());
            map.put(key, List.of(1L));
            assertThrows(ConfigException.class, () -> Receipt.fromMap(map), key);
        }
    }

    @Test
    void anAttemptThatFollowsAnotherOnItsNodeTakesItsSlot() {
        List<ChunkRecord> entries =
                List.of(ok(0, "a", 0, 0, 1), ok(1, "a", 0, 0.5, 2), ok(2, "a", 0, 1, 2), ok(3, "b", 0, 0, 1));
        assertEquals(
                List.of(0, 1, 0, 0),
                JobRecord.withSlots(entries).stream().map(ChunkRecord::slot).toList());
    }

    @Test
    void aTraceHasASpanForEachAttempt() {
        List<Map<String, Object>> events = Trace.events(receipt().record(), 1.0);
        assertEquals(3, events.stream().filter(event -> event.containsKey("cname")).count());
        assertTrue(events.stream().anyMatch(event -> "probed: down".equals(event.get("name"))));
    }

    @Test
    void theReportNamesJobBoundCausesAndNodes() {
        assertEquals(
                String.join(
                        "\n",
                        "Vision.extract: 20 rows in 2.250 s (9 rows/s), 0.0 MB out, 0.0 MB in, 1 retries",
                        "  lower bound 1.000 s, gap 1.250 s (125.0% above)",
                        "  lost to straggler 0.500 s, transfer 0.312 s, other 0.250 s, queue 0.125 s,"
                                + " serialization 62.5 ms",
                        "  node  rows  share  chunks     busy  rows/s",
                        "  a:1     20   100%       2  1.000 s      20",
                        "  b:1      0     0%       0     0 us       0  1 failed",
                        "  c:1      0     0%       0     0 us       0"),
                receipt().toString());
    }
}
