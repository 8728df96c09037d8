package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.testing.NodeProcess;
import io.pyrpc.wire.SampleArrays;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Python to Java to Python, and Java to Python to Java: bit for bit. What Python gives stands in
 * tests/interop/cases.py.
 */
@Timeout(120)
class InteropTest {
    private static NodeProcess node;
    private static PyrpcClient client;

    @BeforeAll
    static void start() {
        node = NodeProcess.ofFile("tests/interop/cases.py", "Cases");
        client = PyrpcClient.connect(node.endpoint());
    }

    @AfterAll
    static void stop() {
        client.close();
        node.close();
    }

    private static Map<String, Object> look(NdArray array) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException error) {
            throw new AssertionError(error);
        }
        if (array.dtype() == DType.STRING) {
            String[] texts = array.reshape(array.size()).toStringArray();
            digest.update(String.join("\n", texts).getBytes(StandardCharsets.UTF_8));
        } else {
            digest.update(array.asByteBuffer());
        }
        List<Long> shape = Arrays.stream(array.shape()).boxed().toList();
        String sha256 = HexFormat.of().formatHex(digest.digest());
        return Map.of("dtype", array.dtype().toString(), "shape", shape, "sha256", sha256);
    }

    @Test
    void everyCaseGoesFromPythonToJavaAndBackBitForBit() {
        List<?> names = client.call(List.class, "Cases.names");
        List<String> wrong = new ArrayList<>();
        for (Object name : names) {
            try {
                Object value = client.call("Cases.give", name);
                Object seen = client.call("Cases.tell", name);
                assertEquals(seen, value instanceof NdArray array ? look(array) : null);
                assertEquals(true, client.call("Cases.take", name, value));
            } catch (AssertionError | RuntimeException error) {
                wrong.add(name + ": " + error);
            }
        }
        assertEquals(List.of(), wrong);
        assertTrue(names.size() > 300, names.size() + " cases");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatJavaMakesIsSeenAlikeByPythonAndComesBack(boolean checksums) {
        List<NdArray> arrays = new ArrayList<>(SampleArrays.samples());
        byte[] noise = new byte[20_000_000];
        new Random(1).nextBytes(noise);
        arrays.add(NdArray.ofUnsigned(noise, 4, 5_000_000));
        arrays.add(NdArray.zeros(DType.FLOAT64, 8 << 20));
        try (PyrpcClient own = PyrpcClient.builder().endpoints(node.endpoint()).checksums(checksums).build()) {
            for (NdArray array : arrays) {
                assertEquals(look(array), own.call("Cases.measure", array));
                NdArray back = assertInstanceOf(NdArray.class, own.call("Cases.echo", array));
                assertEquals(array, back);
                assertEquals(look(array), look(back));
            }
        }
    }

    @Test
    void numbersOfJavaKeepTheirBits() {
        long[] patterns = {
            0, 1, 1L << 63, 0x7ff8000000000005L, 0xfff8000000000000L, 0x7ff0000000000000L, 0x800fffffffffffffL
        };
        for (long bits : patterns) {
            Object back = client.call("Cases.echo", Double.longBitsToDouble(bits));
            assertEquals(bits, Double.doubleToRawLongBits((Double) back));
        }
        for (long number : new long[] {Long.MIN_VALUE, Long.MAX_VALUE, 0, -1}) {
            assertEquals(number, client.call("Cases.echo", number));
        }
    }
}
