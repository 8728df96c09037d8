package io.pyrpc.bench;

import io.pyrpc.NdArray;
import io.pyrpc.PyrpcClient;
import java.nio.ByteBuffer;

/** pyrpc as its users write it. */
final class OurCaller implements Caller {
    private final PyrpcClient client;
    private final boolean closesResults;
    private NdArray input;
    private NdArray came;

    /** {@code closesResults} false: results are left to the garbage collector. */
    OurCaller(String endpoints, boolean closesResults) {
        this.client = PyrpcClient.connect(endpoints);
        this.closesResults = closesResults;
    }

    @Override
    public void load(int elements) {
        float[] values = new float[elements];
        for (int i = 0; i < elements; i++) {
            values[i] = Numbers.at(i);
        }
        input = NdArray.of(values);
    }

    @Override
    public void echo() {
        came = client.call(NdArray.class, "Echo.echo", input);
    }

    @Override
    public void map() {
        came = client.map("Double.double", input);
    }

    @Override
    public ByteBuffer came() {
        return came.asByteBuffer();
    }

    @Override
    public void drop() {
        if (closesResults) {
            came.close();
        }
        came = null;
    }

    @Override
    public void close() {
        client.close();
    }
}
