package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.testing.Stand;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The faults of tests/faults/common.json as the Java client meets them; tests/faults/test_common.py is the same for
 * Python.
 */
@Timeout(90)
class CommonFaultsTest {
    private static final Set<String> RAN = new HashSet<>();
    private static Stand stand;

    @BeforeAll
    static void start() {
        // tests/faults/stand.py
        stand = new Stand();
    }

    @AfterAll
    static void stop() {
        stand.close();
        Set<String> all = new HashSet<>();
        Stand.faults().forEach(fault -> all.add(name(fault.getAsJsonObject())));
        assertEquals(all, RAN, "each fault was met");
    }

    static Stream<Named<JsonObject>> faults() {
        return StreamSupport.stream(Stand.faults().spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .map(fault -> Named.of(name(fault), fault));
    }

    private static String name(JsonObject fault) {
        return fault.get("name").getAsString();
    }

    @ParameterizedTest
    @MethodSource("faults")
    void aFaultEndsAsTheListSays(JsonObject fault) {
        RAN.add(name(fault));
        JsonObject stood = stand.tell("begin " + name(fault));
        JsonObject ended;
        try (PyrpcClient client = client(fault, stood)) {
            // By name in the report, too.
            assertAll(name(fault), () -> meet(client, fault));
        } finally {
            ended = stand.tell("end");
        }
        if (fault.has("ran")) {
            assertEquals(fault.get("ran").getAsInt(), ended.get("ran").getAsInt(), name(fault) + ": calls that ran");
        }
    }

    private static void meet(PyrpcClient client, JsonObject fault) {
        String when = fault.has("harm") ? fault.getAsJsonObject("harm").get("when").getAsString() : "never";
        JsonObject call = fault.getAsJsonObject("call");
        JsonObject expected = fault.getAsJsonObject("expected");
        if (call.get("do").getAsString().equals("calls")) {
            manyCalls(client, call, expected);
            return;
        }
        if (when.equals("before")) {
            stand.tell("harm");
        }
        Object result;
        try {
            CompletableFuture<?> begun = begin(client, call);
            if (when.equals("during")) {
                stand.tell("harm");
            }
            result = resultOf(begun);
        } catch (PyrpcException error) {
            if (!expected.has("error")) {
                throw error;
            }
            checkError(expected, error);
            return;
        }
        checkResult(call, expected, result);
    }

    /** The same call many times; so many as are told of fail, and the others give what they should. */
    private static void manyCalls(PyrpcClient client, JsonObject call, JsonObject expected) {
        JsonObject equal = JsonParser.parseString("{\"equal\": true}").getAsJsonObject();
        JsonObject one = call.deepCopy();
        one.addProperty("do", "call");
        // The first one tells how quick such a call is.
        checkResult(call, equal, resultOf(begin(client, one)));
        List<CompletableFuture<?>> futures = new ArrayList<>();
        for (int count = 1; count < call.get("calls").getAsInt(); count++) {
            futures.add(begin(client, one));
        }
        int failed = 0;
        for (CompletableFuture<?> future : futures) {
            try {
                checkResult(call, equal, resultOf(future));
            } catch (PyrpcException error) {
                checkError(expected, error);
                failed++;
            }
        }
        assertEquals(expected.get("failed").getAsInt(), failed, "calls that failed");
    }

    private static Object resultOf(CompletableFuture<?> begun) {
        try {
            return begun.join();
        } catch (CompletionException error) {
            if (error.getCause() instanceof PyrpcException failure) {
                throw failure;
            }
            throw error;
        }
    }

    private static PyrpcClient client(JsonObject fault, JsonObject stood) {
        JsonObject options = fault.has("client") ? fault.getAsJsonObject("client") : new JsonObject();
        PyrpcClientBuilder builder = PyrpcClient.builder()
                .endpoints(stood.get("endpoints").getAsString())
                .timeout(Duration.ofSeconds(30))
                .pingInterval(null)
                .withoutTls();
        for (String option : options.keySet()) {
            JsonElement value = options.get(option);
            switch (option) {
                case "timeout_s" -> builder.timeout(seconds(value));
                case "connect_timeout_s" -> builder.connectTimeout(seconds(value));
                case "checksums" -> builder.checksums(value.getAsBoolean());
                case "token" -> builder.token(value.getAsString());
                case "tls" -> builder.tls(Tls.ofCa(Path.of(stood.get("ca").getAsString())));
                default -> throw new AssertionError("the list has an option that is not known here: " + option);
            }
        }
        return builder.build();
    }

    private static Duration seconds(JsonElement value) {
        return Duration.ofNanos((long) (value.getAsDouble() * 1e9));
    }

    private static NdArray rows(JsonElement count) {
        return NdArray.of(LongStream.range(0, count.getAsLong()).toArray());
    }

    private static CompletableFuture<?> begin(PyrpcClient client, JsonObject call) {
        List<Object> arguments = new ArrayList<>();
        for (String key : List.of("rows", "with_rows")) {
            if (call.has(key)) {
                arguments.add(rows(call.get(key)));
            }
        }
        for (JsonElement value : call.getAsJsonArray("with")) {
            boolean isWhole = value.getAsString().matches("-?\\d+");
            arguments.add(isWhole ? (Object) value.getAsLong() : (Object) value.getAsDouble());
        }
        String stage = call.get("stage").getAsString();
        Args args = Args.of(arguments.toArray());
        JobOptions options = JobOptions.ofDefaults()
                .withTimeout(call.has("timeout_s") ? seconds(call.get("timeout_s")) : Duration.ofSeconds(60));
        return switch (call.get("do").getAsString()) {
            case "call" -> client.submit(stage, args);
            case "map" -> client.mapAsync(stage, args, options.withChunkRows(call.get("chunk_rows").getAsLong()))
                    .toFuture();
            case "reduce" -> client.reduceAsync(stage, ReduceOp.sum(), args, options).toFuture();
            default -> throw new AssertionError("what is to be done is not known here: " + call);
        };
    }

    private static void checkError(JsonObject expected, PyrpcException error) {
        String pythons = expected.get("error").getAsString().replaceFirst("Error$", "");
        assertEquals(pythons + "Exception", error.getClass().getSimpleName(), error.toString());
        if (expected.has("says")) {
            assertTrue(error.toString().contains(expected.get("says").getAsString()), error.toString());
        }
        if (expected.has("help")) {
            assertEquals(expected.get("help").getAsString(), error.help());
        }
    }

    private static void checkResult(JsonObject call, JsonObject expected, Object result) {
        assertFalse(expected.has("error"), () -> "no " + expected.get("error") + ", but " + result);
        if (expected.has("sum")) {
            Map<?, ?> got = (Map<?, ?>) result;
            NdArray sum = (NdArray) got.get("sum");
            // Java's form of a hexadecimal number is Python's but for a sign that it may lack.
            double wanted = Double.parseDouble(expected.get("sum").getAsString());
            assertEquals(Double.doubleToRawLongBits(wanted), Double.doubleToRawLongBits(sum.getDouble()));
            assertEquals(call.get("rows").getAsLong(), got.get("rows"));
        } else if (expected.has("gives")) {
            assertEquals(expected.get("gives").getAsDouble(), result);
        } else {
            assertTrue(expected.get("equal").getAsBoolean());
            assertEquals(rows(call.get("rows")), result);
        }
    }
}
