package io.pyrpc.benchmarks;

import io.pyrpc.NdArray;
import io.pyrpc.gen.CallOptions;
import io.pyrpc.gen.DType;
import io.pyrpc.gen.Node;
import io.pyrpc.gen.Tensor;
import io.pyrpc.gen.Value;
import io.pyrpc.testing.NodeProcess;
import io.pyrpc.transport.Connection;
import io.pyrpc.transport.Endpoint;
import io.pyrpc.wire.CallRequest;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.thrift.TConfiguration;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.transport.TSocket;
import org.apache.thrift.transport.layered.TFramedTransport;

/**
 * An array there and back: this client's connection and a stock client of libthrift, in turn, against one Python node.
 *
 * <pre>
 * cd java-client
 * mvn -q test-compile dependency:build-classpath -Dmdep.outputFile=/tmp/cp
 * java -cp target/classes:target/test-classes:$(cat /tmp/cp) io.pyrpc.benchmarks.EchoBenchmark
 * </pre>
 */
public final class EchoBenchmark {
    private static final int MOST_BYTES = (1 << 30) - 1;
    private static final String STAGES = "def echo(x):\n    return x\n";
    private static final int ROUNDS = 5;

    private long requests;

    private EchoBenchmark() {}

    private interface Echo {
        void call() throws TException;
    }

    /** Prints a line for each size: the medians, and how many times as long the stock client takes. */
    public static void main(String[] arguments) throws TException {
        try (NodeProcess node = NodeProcess.start(STAGES, "stages:echo")) {
            new EchoBenchmark().run(node.port());
        }
    }

    private void run(int port) throws TException {
        TConfiguration limits = new TConfiguration(MOST_BYTES, MOST_BYTES, TConfiguration.DEFAULT_RECURSION_DEPTH);
        try (Connection connection =
                        Connection.open(new Endpoint("127.0.0.1", port), Duration.ofSeconds(5), null);
                TFramedTransport transport = new TFramedTransport(new TSocket(limits, "127.0.0.1", port), MOST_BYTES)) {
            transport.open();
            Node.Client stock = new Node.Client(new TBinaryProtocol(transport, MOST_BYTES, MOST_BYTES));
            compare("1 KiB", 1024, 4000, connection, stock);
            compare("1 MiB", 1 << 20, 100, connection, stock);
            compare("64 MiB", 64 << 20, 5, connection, stock);
        }
    }

    private void compare(String name, int bytes, int count, Connection connection, Node.Client stock)
            throws TException {
        NdArray array = NdArray.wrap(
                io.pyrpc.DType.FLOAT32, new long[] {bytes / 4}, ByteBuffer.allocateDirect(bytes));
        Tensor tensor = new Tensor(DType.FLOAT32, List.of(bytes / 4L), ByteBuffer.allocate(bytes));
        double[] ours = new double[ROUNDS];
        double[] theirs = new double[ROUNDS];
        // The first round warms up.
        for (int round = -1; round < ROUNDS; round++) {
            double our = micros(count, () -> echo(connection, array));
            double their = micros(count, () -> echo(stock, tensor, bytes));
            if (round >= 0) {
                ours[round] = our;
                theirs[round] = their;
            }
        }
        double ratio = median(theirs) / median(ours);
        System.out.printf(
                "%8s  pyrpc %10.0f us  libthrift %10.0f us  %.2f times%n", name, median(ours), median(theirs), ratio);
    }

    private void echo(Connection connection, NdArray array) {
        CallRequest request =
                new CallRequest("echo", List.of(array), Map.of(), null, ++requests, 0, null, 60_000, Map.of());
        NdArray back = (NdArray) connection.invoke(request, System.nanoTime() + 60_000_000_000L, null).value();
        back.close();
    }

    private void echo(Node.Client stock, Tensor tensor, int bytes) throws TException {
        Value value = new Value();
        value.setTensor_value(tensor);
        CallOptions options = new CallOptions();
        options.setRequest_id(++requests);
        options.setRemaining_ms(60_000);
        options.setMax_frame_bytes(MOST_BYTES);
        Value back = stock.call("echo", List.of(value), Map.of(), options).value;
        if (back.getTensor_value().data.remaining() != bytes) {
            throw new IllegalStateException("another array came back");
        }
    }

    private static double micros(int count, Echo echo) throws TException {
        double[] times = new double[count];
        for (int i = 0; i < count; i++) {
            long start = System.nanoTime();
            echo.call();
            times[i] = (System.nanoTime() - start) / 1e3;
        }
        return median(times);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
