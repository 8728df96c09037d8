// Tensors of arrays, and back.
package io.pyrpc.bindings;

import io.pyrpc.bindings.gen.DType;
import io.pyrpc.bindings.gen.Tensor;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Tensors of Java's own arrays, in C order, and back.
 *
 * <p>A shape that is left out is that of one dimension. {@code byte[]} and {@link ByteBuffer} become the memory of a
 * tensor, and must not change during a call; all other arrays are copied, once in each direction. {@link #bytes} is a
 * view of a tensor's memory, without a copy.
 *
 * <p>Java has no unsigned numbers, no half floats and no complex ones: unsigned ones are the signed array of the same
 * width ({@link Byte#toUnsignedInt} and its like read them), FLOAT16 and BFLOAT16 are the bits in a {@code short[]}, and
 * complex numbers are pairs of real and imaginary parts in one {@code float[]} or {@code double[]} of twice the length.
 * For those, say the dtype. DATETIME64 and TIMEDELTA64 are counts in a {@code long[]}; set the tensor's unit, too.
 */
public final class Tensors {
    private Tensors() {}

    /** An array of FLOAT32. */
    public static Tensor of(float[] elements, long... shape) {
        return of(DType.FLOAT32, elements, shape);
    }

    /** An array of FLOAT32 or COMPLEX64. */
    public static Tensor of(DType dtype, float[] elements, long... shape) {
        ByteBuffer data = Dtypes.allocated(dtype, float.class, elements.length);
        data.asFloatBuffer().put(elements);
        return tensor(dtype, data, shape);
    }

    /** An array of FLOAT64. */
    public static Tensor of(double[] elements, long... shape) {
        return of(DType.FLOAT64, elements, shape);
    }

    /** An array of FLOAT64 or COMPLEX128. */
    public static Tensor of(DType dtype, double[] elements, long... shape) {
        ByteBuffer data = Dtypes.allocated(dtype, double.class, elements.length);
        data.asDoubleBuffer().put(elements);
        return tensor(dtype, data, shape);
    }

    /** An array of INT64. */
    public static Tensor of(long[] elements, long... shape) {
        return of(DType.INT64, elements, shape);
    }

    /** An array of INT64, UINT64, DATETIME64 or TIMEDELTA64. */
    public static Tensor of(DType dtype, long[] elements, long... shape) {
        ByteBuffer data = Dtypes.allocated(dtype, long.class, elements.length);
        data.asLongBuffer().put(elements);
        return tensor(dtype, data, shape);
    }

    /** An array of INT32. */
    public static Tensor of(int[] elements, long... shape) {
        return of(DType.INT32, elements, shape);
    }

    /** An array of INT32 or UINT32. */
    public static Tensor of(DType dtype, int[] elements, long... shape) {
        ByteBuffer data = Dtypes.allocated(dtype, int.class, elements.length);
        data.asIntBuffer().put(elements);
        return tensor(dtype, data, shape);
    }

    /** An array of INT16. */
    public static Tensor of(short[] elements, long... shape) {
        return of(DType.INT16, elements, shape);
    }

    /** An array of INT16, UINT16, FLOAT16 or BFLOAT16. */
    public static Tensor of(DType dtype, short[] elements, long... shape) {
        ByteBuffer data = Dtypes.allocated(dtype, short.class, elements.length);
        data.asShortBuffer().put(elements);
        return tensor(dtype, data, shape);
    }

    /** An array of INT8, with the memory of {@code elements}. */
    public static Tensor of(byte[] elements, long... shape) {
        return of(DType.INT8, elements, shape);
    }

    /** An array of INT8 or UINT8, with the memory of {@code elements}. */
    public static Tensor of(DType dtype, byte[] elements, long... shape) {
        Dtypes.check(dtype, byte.class);
        return tensor(dtype, ByteBuffer.wrap(elements), shape);
    }

    /** An array of BOOL. */
    public static Tensor of(boolean[] elements, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(elements.length);
        for (boolean element : elements) {
            data.put((byte) (element ? 1 : 0));
        }
        return tensor(DType.BOOL, data.flip(), shape);
    }

    /** An array of texts, dtype STRING. */
    public static Tensor of(String[] texts, long... shape) {
        long[] dims = shape.length == 0 ? new long[] {texts.length} : shape;
        Shapes.check(dims, texts.length);
        return Dtypes.tensor(DType.STRING, dims, Texts.encoded(texts));
    }

    /**
     * An array of any dtype of fixed width, from the buffer's position to its limit, little endian. A buffer that has no
     * array of its own, such as a direct one, is copied; the memory of others becomes that of the tensor.
     */
    public static Tensor of(DType dtype, ByteBuffer elements, long... shape) {
        if (elements.hasArray()) {
            return tensor(dtype, elements.slice(), shape);
        }
        return tensor(dtype, ByteBuffer.allocate(elements.remaining()).put(elements.duplicate()).flip(), shape);
    }

    /** One number: an array of no dimensions. */
    public static Tensor scalar(double value) {
        Tensor tensor = of(new double[] {value});
        tensor.setShape(List.of());
        return tensor;
    }

    /** An array of zeros of a dtype whose elements are numbers. */
    public static Tensor zeros(DType dtype, long... shape) {
        long bytes = Math.multiplyExact(Shapes.count(shape), (long) Dtypes.width(dtype));
        return Dtypes.tensor(dtype, shape, ByteBuffer.allocate(Dtypes.size(bytes)));
    }

    /** The shape; empty for one number. */
    public static long[] shape(Tensor tensor) {
        Dtypes.check(tensor);
        return tensor.getShape().stream().mapToLong(Long::longValue).toArray();
    }

    /** A little-endian view of the memory of a tensor of fixed width. */
    public static ByteBuffer bytes(Tensor tensor) {
        Dtypes.check(tensor);
        return Dtypes.elements(tensor, Dtypes.width(tensor.getDtype()));
    }

    /** Elements of FLOAT32, or pairs of COMPLEX64. */
    public static float[] floats(Tensor tensor) {
        ByteBuffer data = Dtypes.checked(tensor, float.class);
        float[] elements = new float[data.remaining() / Float.BYTES];
        data.asFloatBuffer().get(elements);
        return elements;
    }

    /** Elements of FLOAT64, or pairs of COMPLEX128. */
    public static double[] doubles(Tensor tensor) {
        ByteBuffer data = Dtypes.checked(tensor, double.class);
        double[] elements = new double[data.remaining() / Double.BYTES];
        data.asDoubleBuffer().get(elements);
        return elements;
    }

    /** Elements of INT64, bits of UINT64, counts of DATETIME64 and TIMEDELTA64. */
    public static long[] longs(Tensor tensor) {
        ByteBuffer data = Dtypes.checked(tensor, long.class);
        long[] elements = new long[data.remaining() / Long.BYTES];
        data.asLongBuffer().get(elements);
        return elements;
    }

    /** Elements of INT32, or bits of UINT32. */
    public static int[] ints(Tensor tensor) {
        ByteBuffer data = Dtypes.checked(tensor, int.class);
        int[] elements = new int[data.remaining() / Integer.BYTES];
        data.asIntBuffer().get(elements);
        return elements;
    }

    /** Elements of INT16, or bits of UINT16, FLOAT16 and BFLOAT16. */
    public static short[] shorts(Tensor tensor) {
        ByteBuffer data = Dtypes.checked(tensor, short.class);
        short[] elements = new short[data.remaining() / Short.BYTES];
        data.asShortBuffer().get(elements);
        return elements;
    }

    /** Elements of INT8, or bits of UINT8. */
    public static byte[] int8s(Tensor tensor) {
        ByteBuffer data = Dtypes.checked(tensor, byte.class);
        byte[] elements = new byte[data.remaining()];
        data.get(elements);
        return elements;
    }

    /** Elements of BOOL. */
    public static boolean[] booleans(Tensor tensor) {
        ByteBuffer data = Dtypes.checked(tensor, boolean.class);
        boolean[] elements = new boolean[data.remaining()];
        for (int index = 0; index < elements.length; index++) {
            elements[index] = data.get(index) != 0;
        }
        return elements;
    }

    /** Texts of STRING, UNICODE or BYTES (a character a byte); padding of fixed widths is taken off. */
    public static String[] strings(Tensor tensor) {
        Dtypes.check(tensor);
        return Texts.decoded(tensor);
    }

    private static Tensor tensor(DType dtype, ByteBuffer data, long[] shape) {
        int width = Dtypes.width(dtype);
        if (data.remaining() % width != 0) {
            throw new IllegalArgumentException(
                    data.remaining() + " bytes are no whole number of elements of " + dtype + ", of " + width + " each");
        }
        long count = data.remaining() / width;
        long[] dims = shape.length == 0 ? new long[] {count} : shape;
        Shapes.check(dims, count);
        return Dtypes.tensor(dtype, dims, data);
    }
}
