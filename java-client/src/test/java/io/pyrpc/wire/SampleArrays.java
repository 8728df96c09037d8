package io.pyrpc.wire;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** One array or more of each dtype, with what is special about it. */
public final class SampleArrays {
    private SampleArrays() {}

    public static List<NdArray> samples() {
        return List.of(
                NdArray.of(new boolean[] {true, false}),
                NdArray.of(new byte[] {1, -2}),
                NdArray.of(new short[] {1, -2, Short.MIN_VALUE}),
                NdArray.of(new int[] {1, -2, Integer.MIN_VALUE}),
                NdArray.of(new long[] {1, -2, Long.MIN_VALUE}),
                NdArray.ofUnsigned(new byte[] {1, -1}),
                NdArray.ofUnsigned(new short[] {1, -1}),
                NdArray.ofUnsigned(new int[] {1, -1}),
                NdArray.ofUnsigned(new long[] {1, -1}),
                NdArray.ofHalf(new short[] {0x3e00, (short) 0x8000, 0x7e01, (short) 0xfc01}),
                NdArray.ofBfloat16(new short[] {0x3fc0, (short) 0xc000, 0x7fc1, 0x7f81}),
                NdArray.of(new float[] {1.5f, -0f, Float.intBitsToFloat(0x7fc12345), Float.MIN_VALUE}),
                NdArray.of(new double[] {1.5, -0.0, Double.longBitsToDouble(0x7ff8000012345678L), Double.MIN_VALUE}),
                NdArray.ofComplex(new float[] {1.5f, -2f, -0f, Float.NaN}),
                NdArray.ofComplex(new double[] {1.5, -2, -0.0, Double.NaN}),
                NdArray.ofTimes(DType.datetime64("s"), new long[] {1, Long.MIN_VALUE}),
                NdArray.ofTimes(DType.datetime64("generic"), new long[] {Long.MIN_VALUE}),
                NdArray.ofTimes(DType.timedelta64("25s"), new long[] {2}),
                NdArray.ofTimes(DType.timedelta64("generic"), new long[] {2}),
                NdArray.ofFixed(new byte[][] {{'a', 'b'}, {'c', 0, 'd'}}),
                NdArray.ofFixed(new String[] {"é", "\uD83D\uDE00x", "a\0b"}),
                NdArray.of(new String[] {"a", "", "é", "\uD83D\uDE00\0"}, 2, 2),
                NdArray.of(new String[0]),
                NdArray.of(new String[] {"x", "yz", "w"}).rows(1, 3),
                NdArray.of(new String[] {"only"}).reshape(),
                NdArray.of(new float[] {1}).reshape(),
                NdArray.zeros(DType.FLOAT64, 0, 3),
                NdArray.zeros(DType.bytes(0), 3),
                NdArray.zeros(DType.unicode(0), 2),
                NdArray.zeros(DType.INT16, 3, 4, 5).rows(1, 2).get(0).rows(2, 4),
                NdArray.of("x".repeat(70_000).getBytes(StandardCharsets.US_ASCII), 7, 10_000));
    }
}
