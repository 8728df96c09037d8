// Checks a node from Java, and prints a line for each check.

import interop_idl.Interop;
import interop_idl.Mood;
import interop_idl.Region;
import io.pyrpc.bindings.Connection;
import io.pyrpc.bindings.ConnectionConfig;
import io.pyrpc.bindings.Tensors;
import io.pyrpc.bindings.Tls;
import io.pyrpc.bindings.gen.CallOptions;
import io.pyrpc.bindings.gen.DType;
import io.pyrpc.bindings.gen.ErrorCode;
import io.pyrpc.bindings.gen.RpcError;
import io.pyrpc.bindings.gen.Tensor;
import io.pyrpc.bindings.gen.Value;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import org.apache.thrift.transport.TTransportException;

public class InteropChecks {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final String host;
    private final int port;
    private final ConnectionConfig config;
    private final Connection connection;
    private final Interop.Client interop;

    InteropChecks(String host, int port, ConnectionConfig config) throws Exception {
        this.host = host;
        this.port = port;
        this.config = config;
        this.connection = Connection.open(host, port, config);
        this.interop = new Interop.Client(connection.service("Interop"));
    }

    /** One check: gives the note, or throws what is wrong. */
    private interface Check {
        String run() throws Exception;
    }

    private interface Call {
        void run() throws Exception;
    }

    static void check(String name, Check check) {
        try {
            String note = check.run();
            OUT.println("ok " + name + (note.isEmpty() ? "" : ": " + note));
        } catch (Throwable error) {
            OUT.println("fail " + name + ": " + error.toString().replace("\n", " "));
        }
    }

    static void expect(boolean isRight, Object found) {
        if (!isRight) {
            throw new AssertionError("found " + found);
        }
    }

    static RpcError refused(Call call) throws Exception {
        try {
            call.run();
        } catch (RpcError error) {
            return error;
        }
        throw new AssertionError("no RpcError");
    }

    static void expectIllegal(Call call) throws Exception {
        try {
            call.run();
        } catch (IllegalArgumentException error) {
            return;
        }
        throw new AssertionError("no IllegalArgumentException");
    }

    String ping() throws Exception {
        expect(connection.node().ping().getProtocol_version() == 1, connection.node().ping());
        return "";
    }

    String typed() throws Exception {
        expect(interop.add(1, 2) == 3, interop.add(1, 2));
        return "";
    }

    String plain() throws Exception {
        expect(new Interop.Client(connection.protocol()).add(1, 2) == 3, "another sum");
        return "";
    }

    String generic() throws Exception {
        CallOptions options = connection.options();
        Value sum = connection.node().call("Interop.add", List.of(Value.int_value(1)), Map.of("b", Value.int_value(5)), options)
                .getValue();
        expect(sum.getInt_value() == 6, sum);
        List<Value> positional = List.of(Value.int_value(1L << 40), Value.int_value(1));
        sum = connection.node().call("Interop.add", positional, Map.of(), options).getValue();
        expect(sum.getInt_value() == (1L << 40) + 1, sum);
        return "";
    }

    String struct() throws Exception {
        Region region = new Region()
                .setX(2)
                .setY(3.0)
                .setLabel("é")
                .setMoods(List.of(Mood.CALM))
                .setScores(Map.of("a", 0.5))
                .setPixels(Tensors.zeros(DType.UINT8, 2, 2));
        Region grown = interop.grown(region);
        expect(grown.getX() == 3 && grown.getY() == 3.0 && grown.getLabel().equals("é"), grown);
        expect(grown.getMoods().equals(List.of(Mood.CALM, Mood.LOUD)), grown);
        expect(grown.getScores().equals(Map.of("a", 0.5, "area", 6.0)), grown);
        expect(Arrays.equals(Tensors.int8s(grown.getPixels()), new byte[] {1, 1, 1, 1}), grown);
        grown = interop.grown(new Region().setX(2).setY(3.0));
        expect(!grown.isSetLabel() && !grown.isSetPixels(), grown);
        return "";
    }

    String text() throws Exception {
        String reversed = interop.reversed("aé😀");
        expect(reversed.equals("😀éa"), reversed);
        return "";
    }

    String large() throws Exception {
        int rows = 1_000_000;
        float[] elements = new float[4 * rows];
        for (int index = 0; index < elements.length; index++) {
            elements[index] = index % 1000;
        }
        Tensor tensor = Tensors.of(elements, rows, 4);
        compareDoubled(interop.doubled(tensor), elements, rows);
        List<Value> inputs = List.of(Value.tensor_value(tensor));
        Value value = connection.node().run("Interop.doubled", inputs, Map.of(), rows, connection.options()).getValue();
        compareDoubled(value.getTensor_value(), elements, rows);
        return "";
    }

    private static void compareDoubled(Tensor tensor, float[] elements, int rows) {
        expect(Arrays.equals(Tensors.shape(tensor), new long[] {rows, 4}), tensor.getShape());
        float[] doubled = Tensors.floats(tensor);
        for (int index = 0; index < elements.length; index++) {
            expect(doubled[index] == 2 * elements[index], doubled[index]);
        }
    }

    String larger() throws Exception {
        byte[] elements = new byte[64 << 20];
        for (int index = 0; index < elements.length; index++) {
            elements[index] = (byte) (index % 251);
        }
        Tensor tensor = Tensors.of(DType.UINT8, elements);
        expect(Tensors.bytes(interop.echo(tensor)).equals(ByteBuffer.wrap(elements)), "other bytes, typed");
        List<Value> positional = List.of(Value.tensor_value(tensor));
        Value value = connection.node().call("Interop.echo", positional, Map.of(), connection.options()).getValue();
        expect(Tensors.bytes(value.getTensor_value()).equals(ByteBuffer.wrap(elements)), "other bytes, generic");
        return "";
    }

    String errors() throws Exception {
        RpcError error = refused(() -> interop.doubled(Tensors.of(new int[8], 2, 4)));
        expect(error.getCode() == ErrorCode.CONTRACT_VIOLATED && error.isSetExpected() && error.isSetGot(), error);
        error = refused(() -> interop.fail("on purpose"));
        expect(error.getCode() == ErrorCode.STAGE_FAILED && error.getRemote_type().equals("ValueError"), error);
        expect(error.getMessage().contains("on purpose"), error.getMessage());
        return typed();
    }

    String deadline() throws Exception {
        CallOptions minute = connection.options(Duration.ofMinutes(1));
        double left = connection.node().call("Interop.left_s", List.of(), Map.of(), minute).getValue().getDouble_value();
        expect(left > 0 && left <= 60, left);
        CallOptions over = connection.options(Duration.ZERO);
        RpcError error = refused(() -> connection.node().call("Interop.left_s", List.of(), Map.of(), over));
        expect(error.getCode() == ErrorCode.EXPIRED, error);
        long began = System.nanoTime();
        try (Connection impatient = Connection.open(host, port, config.withTimeout(Duration.ofMillis(500)))) {
            Interop.Client client = new Interop.Client(impatient.service("Interop"));
            try {
                client.sleep(10);
                throw new AssertionError("it waited");
            } catch (TTransportException timeout) {
                expect(!impatient.isOpen(), "it is still open");
            }
        }
        expect(System.nanoTime() - began < 5e9, "too late");
        return "";
    }

    String tls() throws Exception {
        int tlsPort = Integer.parseInt(System.getenv("PYRPC_TLS_PORT"));
        String token = System.getenv("PYRPC_TLS_TOKEN");
        ConnectionConfig trusting = config.withTls(Tls.trusting(Path.of(System.getenv("PYRPC_TLS_CA"))));
        ConnectionConfig right = trusting.withToken(token);
        try (Connection secure = Connection.open("localhost", tlsPort, right)) {
            expect(new Interop.Client(secure.service("Interop")).add(1, 2) == 3, "another sum");
            List<Value> positional = List.of(Value.int_value(1));
            Value sum = secure.node().call("Interop.add", positional, Map.of(), secure.options()).getValue();
            expect(sum.getInt_value() == 3, sum);
        }
        for (String other : new String[] {null, "guessed"}) {
            RpcError error = refused(() -> Connection.open("localhost", tlsPort, trusting.withToken(other)));
            expect(error.getCode() == ErrorCode.UNAUTHENTICATED, error);
        }
        expectUntrusted("127.0.0.1", tlsPort, right);
        expectUntrusted("localhost", tlsPort, right.withTls(SSLContext.getDefault()));
        return "";
    }

    private static void expectUntrusted(String host, int port, ConnectionConfig config) throws Exception {
        try (Connection connection = Connection.open(host, port, config)) {
            throw new AssertionError("it is trusted");
        } catch (TTransportException error) {
            expect(error.getCause().getCause() instanceof SSLHandshakeException, error);
        }
    }

    /** Arrays of one dtype: what comes is `expected`, and what is made of that is what the node has. */
    private <T> void dtype(String note, DType dtype, T expected, Function<Tensor, T> read, Function<T, Tensor> made) {
        String name = dtype.name().toLowerCase();
        check("dtype " + name, () -> {
            Tensor sample = interop.sample(name);
            expect(Arrays.equals(Tensors.shape(sample), new long[] {2, 3}) && sample.getDtype() == dtype, sample);
            T found = read.apply(sample);
            expect(Arrays.deepEquals(new Object[] {found}, new Object[] {expected}), Arrays.deepToString(new Object[] {found}));
            Tensor own = made.apply(expected);
            if (sample.isSetUnit()) {
                expect(sample.getUnit().equals(dtype == DType.DATETIME64 ? "ns" : "ms"), sample.getUnit());
                own.setUnit(sample.getUnit());
            }
            interop.check(name, own);
            return note;
        });
    }

    private void texts(DType dtype, String... expected) {
        String name = dtype.name().toLowerCase();
        check("dtype " + name, () -> {
            Tensor sample = interop.sample(name);
            expect(Arrays.equals(Tensors.strings(sample), expected), Arrays.toString(Tensors.strings(sample)));
            if (dtype != DType.STRING) {
                interop.check(name, sample);
                return "read as String[]";
            }
            interop.check(name, Tensors.of(expected, 2, 3));
            return "String[]";
        });
    }

    void integers() {
        byte[] bytes = {Byte.MIN_VALUE, -1, 0, 3, Byte.MAX_VALUE - 1, Byte.MAX_VALUE};
        dtype("byte[]", DType.INT8, bytes, Tensors::int8s, own -> Tensors.of(own, 2, 3));
        short[] shorts = {Short.MIN_VALUE, -1, 0, 3, Short.MAX_VALUE - 1, Short.MAX_VALUE};
        dtype("short[]", DType.INT16, shorts, Tensors::shorts, own -> Tensors.of(own, 2, 3));
        int[] ints = {Integer.MIN_VALUE, -1, 0, 3, Integer.MAX_VALUE - 1, Integer.MAX_VALUE};
        dtype("int[]", DType.INT32, ints, Tensors::ints, own -> Tensors.of(own, 2, 3));
        long[] longs = {Long.MIN_VALUE, -1, 0, 3, Long.MAX_VALUE - 1, Long.MAX_VALUE};
        dtype("long[]", DType.INT64, longs, Tensors::longs, own -> Tensors.of(own, 2, 3));
        dtype("bits in byte[]", DType.UINT8, new byte[] {0, 1, 2, 3, -2, -1}, Tensors::int8s,
                own -> Tensors.of(DType.UINT8, own, 2, 3));
        dtype("bits in short[]", DType.UINT16, new short[] {0, 1, 2, 3, -2, -1}, Tensors::shorts,
                own -> Tensors.of(DType.UINT16, own, 2, 3));
        dtype("bits in int[]", DType.UINT32, new int[] {0, 1, 2, 3, -2, -1}, Tensors::ints,
                own -> Tensors.of(DType.UINT32, own, 2, 3));
        dtype("bits in long[]", DType.UINT64, new long[] {0, 1, 2, 3, -2, -1}, Tensors::longs,
                own -> Tensors.of(DType.UINT64, own, 2, 3));
    }

    void floats() {
        short[] halves = {(short) 0xBE00, (short) 0x8000, 0, 0x3800, 0x4000, 0x7C00};
        dtype("bits in short[]", DType.FLOAT16, halves, Tensors::shorts, own -> Tensors.of(DType.FLOAT16, own, 2, 3));
        short[] brains = {(short) 0xBFC0, (short) 0x8000, 0, 0x3F00, 0x4000, 0x7F80};
        dtype("bits in short[]", DType.BFLOAT16, brains, Tensors::shorts, own -> Tensors.of(DType.BFLOAT16, own, 2, 3));
        float[] floats = {-1.5f, -0.0f, 0, 0.5f, 2, Float.POSITIVE_INFINITY};
        dtype("float[]", DType.FLOAT32, floats, Tensors::floats, own -> Tensors.of(own, 2, 3));
        double[] doubles = {-1.5, -0.0, 0, 0.5, 2, Double.POSITIVE_INFINITY};
        dtype("double[]", DType.FLOAT64, doubles, Tensors::doubles, own -> Tensors.of(own, 2, 3));
        float[] pairs = {0.5f, 0, 1.5f, -1, 2.5f, -2, 3.5f, -3, 4.5f, -4, 5.5f, -5};
        // NumPy's sample has no negative zero: complex(0.5, -0) is of the whole number.
        dtype("pairs in float[]", DType.COMPLEX64, pairs, Tensors::floats, own -> Tensors.of(DType.COMPLEX64, own, 2, 3));
        double[] wide = {0.5, 0, 1.5, -1, 2.5, -2, 3.5, -3, 4.5, -4, 5.5, -5};
        dtype("pairs in double[]", DType.COMPLEX128, wide, Tensors::doubles,
                own -> Tensors.of(DType.COMPLEX128, own, 2, 3));
    }

    void others() {
        boolean[] booleans = {true, false, true, true, false, false};
        dtype("boolean[]", DType.BOOL, booleans, Tensors::booleans, own -> Tensors.of(own, 2, 3));
        long[] counts = {0, 1, -1, 1000, 86_400_000, Long.MIN_VALUE};
        dtype("counts in long[]", DType.DATETIME64, counts, Tensors::longs, own -> Tensors.of(DType.DATETIME64, own, 2, 3));
        dtype("counts in long[]", DType.TIMEDELTA64, counts, Tensors::longs,
                own -> Tensors.of(DType.TIMEDELTA64, own, 2, 3));
        texts(DType.BYTES, "", "a", "ab", "abc", "x", "y\0z");
        texts(DType.UNICODE, "", "a", "ab", "é", "😀", "z😀");
        texts(DType.STRING, "", "a", "ab", "é", "😀", "longer than all the others");
    }

    /** What is no array is refused before anything is sent, and what a node sends is not believed. */
    static void checkRefusals() throws Exception {
        expectIllegal(() -> Tensors.of(new float[6], 2, 2));
        expectIllegal(() -> Tensors.of(new float[6], -2, -3));
        expectIllegal(() -> Tensors.of(new float[0], 1L << 62, 1L << 62));
        expectIllegal(() -> Tensors.of(DType.FLOAT32, ByteBuffer.allocate(7)));
        expectIllegal(() -> Tensors.of(DType.INT32, new float[6]));
        expectIllegal(() -> Tensors.of(DType.COMPLEX64, new float[3]));
        expectIllegal(() -> Tensors.zeros(DType.STRING, 2));
        expectIllegal(() -> Tensors.zeros(DType.INT64, 1L << 40));
        expectIllegal(() -> Tensors.of(new String[] {"\ud800"}));
        expectIllegal(() -> Tensors.floats(new Tensor()));
        expectIllegal(() -> Tensors.ints(Tensors.of(new float[6])));
        expectIllegal(() -> Tensors.floats(Tensors.of(new float[6]).setShape(List.of(1L << 62, 4L))));
        expectIllegal(() -> Tensors.floats(Tensors.of(new float[6]).setShape(List.of(5L))));
        Tensor texts = Tensors.of(new String[] {"a", "b"});
        texts.data.putLong(8, 1L << 60);
        expectIllegal(() -> Tensors.strings(texts));
        expectIllegal(() -> Tensors.strings(Tensors.of(new String[] {"a"}).setShape(List.of(1L << 59))));
        Tensor wide = Tensors.of(DType.UINT8, new byte[8]).setDtype(DType.UNICODE).setShape(List.of(2L));
        expectIllegal(() -> Tensors.strings(wide.deepCopy().setItemsize(Integer.MIN_VALUE)));
        expectIllegal(() -> Tensors.strings(wide.deepCopy().setItemsize(3)));
        expectIllegal(() -> Tensors.strings(wide.deepCopy().setItemsize(4).setShape(List.of(1L << 61))));
        wide.data.putInt(0, -1);
        expectIllegal(() -> Tensors.strings(wide.deepCopy().setItemsize(4)));
        ByteBuffer direct = ByteBuffer.allocateDirect(8).putInt(0, 1);
        expect(Tensors.bytes(Tensors.of(DType.UINT8, direct)).get(3) == 1, "a direct buffer");
        expect(Tensors.shape(Tensors.scalar(1.5)).length == 0, "a number");
    }

    public static void main(String[] arguments) throws Exception {
        ConnectionConfig config = ConnectionConfig.ofDefaults().withCompact(arguments[2].equals("compact"));
        checkRefusals();
        InteropChecks checks = new InteropChecks(arguments[0], Integer.parseInt(arguments[1]), config);
        check("ping", checks::ping);
        check("typed call", checks::typed);
        check("plain name", checks::plain);
        check("generic call", checks::generic);
        check("struct", checks::struct);
        check("text", checks::text);
        check("16 MB", checks::large);
        check("64 MiB", checks::larger);
        check("typed error", checks::errors);
        check("deadline", checks::deadline);
        check("tls", checks::tls);
        checks.integers();
        checks.floats();
        checks.others();
        checks.connection.close();
    }
}
