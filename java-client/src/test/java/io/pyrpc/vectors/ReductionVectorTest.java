package io.pyrpc.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.ReduceOp;
import io.pyrpc.client.FoldGather;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.Partition;
import io.pyrpc.stage.Spec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

class ReductionVectorTest extends VectorTest {
    ReductionVectorTest() {
        super("reduction");
    }

    @Override
    protected void check(JsonObject scenario) {
        DType dtype = Spec.dtypeOf(scenario.get("dtype").getAsString());
        long rows = scenario.get("rows").getAsLong();
        Integer chunkRows = wholeOrNull(scenario.get("chunk_rows"));
        List<Chunk> leaves = Partition.leafGrid(
                rows,
                scenario.get("row_bytes").getAsLong(),
                chunkRows == null ? null : Long.valueOf(chunkRows),
                null);
        ReduceOp op = scenario.get("op").getAsString().equals("mean") ? ReduceOp.mean() : ReduceOp.sum();
        FoldGather gather = new FoldGather(op, rows);
        JsonArray values = scenario.getAsJsonArray("values");
        assertEquals(values.size(), leaves.size());
        for (JsonElement place : scenario.getAsJsonArray("arrival")) {
            int leaf = place.getAsInt();
            gather.put(leaves.get(leaf), leaf, array(dtype, values.get(leaf).getAsJsonArray()));
        }
        same(scenario.get("result"), bits((NdArray) gather.finish()), "result");
    }

    /** Bytes of a number; of a complex one those of each part. */
    private static int width(DType dtype) {
        return isComplex(dtype) ? dtype.itemsize() / 2 : dtype.itemsize();
    }

    private static boolean isComplex(DType dtype) {
        return dtype.equals(DType.COMPLEX64) || dtype.equals(DType.COMPLEX128);
    }

    private static NdArray array(DType dtype, JsonArray bits) {
        int width = width(dtype);
        ByteBuffer data = ByteBuffer.allocate(bits.size() * dtype.itemsize()).order(ByteOrder.LITTLE_ENDIAN);
        for (JsonElement element : bits) {
            String digits = element.getAsString();
            for (int from = 0; from < digits.length(); from += 2 * width) {
                long value = Long.parseUnsignedLong(digits.substring(from, from + 2 * width), 16);
                for (int place = 0; place < width; place++) {
                    data.put((byte) (value >>> 8 * place));
                }
            }
        }
        return NdArray.wrap(dtype, new long[] {bits.size()}, data.flip());
    }

    private static List<String> bits(NdArray array) {
        int width = width(array.dtype());
        ByteBuffer data = array.asByteBuffer();
        List<String> bits = new ArrayList<>();
        while (data.hasRemaining()) {
            StringBuilder digits = new StringBuilder();
            for (int from = 0; from < array.dtype().itemsize(); from += width) {
                long value = 0;
                for (int place = 0; place < width; place++) {
                    value |= (data.get() & 0xFFL) << 8 * place;
                }
                digits.append(("%0" + 2 * width + "x").formatted(value));
            }
            bits.add(digits.toString());
        }
        return bits;
    }
}
