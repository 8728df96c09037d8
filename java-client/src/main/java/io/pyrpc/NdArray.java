package io.pyrpc;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * An array of any rank: row-major, little endian, on memory of its own or of somebody else's.
 *
 * <p>{@link #rows}, {@link #get} and {@link #reshape} are views: they share the memory and copy nothing. Arrays that
 * came from a node may be closed when they are no longer needed, which makes their memory ready for the next one at
 * once; one that is only dropped is found by the garbage collector later. After {@code close} neither the array, nor
 * views of it, nor buffers of it may be used. To close a view does nothing: others may still need the rest.
 *
 * <p>At most 2 GiB. Not thread-safe for writing; any number of threads may read.
 */
public final class NdArray implements AutoCloseable {
    private final DType dtype;
    private final long[] shape;
    private final long size;
    // For texts of any length the offsets; all from 0 to the limit.
    private final ByteBuffer data;
    private final ByteBuffer text;
    private final Lease lease;
    private final boolean isView;

    /** What an array and its views share of memory that was lent. */
    private static final class Lease {
        final ArrayMemory memory;
        volatile boolean isOver;

        Lease(ArrayMemory memory) {
            this.memory = memory;
        }
    }

    private NdArray(DType dtype, long[] shape, ByteBuffer data, ByteBuffer text, Lease lease, boolean isView) {
        this.dtype = dtype;
        this.shape = shape;
        this.size = ArrayShape.count(shape);
        this.data = data.order(ByteOrder.LITTLE_ENDIAN);
        this.text = text;
        this.lease = lease;
        this.isView = isView;
    }

    // -- making arrays

    /** An array of zeros (empty texts). */
    public static NdArray zeros(DType dtype, long... shape) {
        long size = ArrayShape.count(ArrayShape.checked(shape));
        int bytes = ArrayStrings.checkedSize(dtype == DType.STRING ? 8 * (size + 1) : ArrayShape.bytes(size, dtype));
        return wrap(dtype, shape, ByteBuffer.allocate(bytes));
    }

    /**
     * An array on memory of the caller's; no copy. What is written to one is seen in the other.
     *
     * @param data the bytes from its position to its limit, little endian; for {@link DType#STRING} the offsets, then
     *     the bytes that they point into
     * @throws ArgumentException the number of bytes does not fit, or texts are not in order
     */
    public static NdArray wrap(DType dtype, long[] shape, ByteBuffer data) {
        return wrap(dtype, shape, data, null);
    }

    /** The same, on memory whose lender wants to know when it is no longer needed. */
    public static NdArray wrap(DType dtype, long[] shape, ByteBuffer data, ArrayMemory memory) {
        long[] ours = ArrayShape.checked(shape).clone();
        long size = ArrayShape.count(ours);
        Lease lease = memory == null ? null : new Lease(memory);
        ByteBuffer bytes = data.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (dtype == DType.STRING) {
            long head = Math.multiplyExact(size + 1, 8L);
            checkBytes(head <= bytes.limit(), dtype, ours, bytes.limit());
            ByteBuffer offsets = bytes.slice(0, (int) head).order(ByteOrder.LITTLE_ENDIAN);
            ByteBuffer text = bytes.slice((int) head, bytes.limit() - (int) head);
            ArrayStrings.checkOffsets(offsets, text.limit());
            return new NdArray(dtype, ours, offsets, text, lease, false);
        }
        checkBytes(ArrayShape.bytes(size, dtype) == bytes.limit(), dtype, ours, bytes.limit());
        return new NdArray(dtype, ours, bytes, null, lease, false);
    }

    /** Copies the values; without a shape one row of all. */
    public static NdArray of(float[] values, long... shape) {
        return wrap(DType.FLOAT32, ArrayShape.orRow(values.length, shape), ArrayData.of(values));
    }

    public static NdArray of(double[] values, long... shape) {
        return wrap(DType.FLOAT64, ArrayShape.orRow(values.length, shape), ArrayData.of(values));
    }

    public static NdArray of(int[] values, long... shape) {
        return wrap(DType.INT32, ArrayShape.orRow(values.length, shape), ArrayData.of(values));
    }

    public static NdArray of(long[] values, long... shape) {
        return ofLongs(DType.INT64, values, shape);
    }

    public static NdArray of(short[] values, long... shape) {
        return ofShorts(DType.INT16, values, shape);
    }

    /** int8; see {@link #ofUnsigned(byte[], long...)} for the bytes of pictures. */
    public static NdArray of(byte[] values, long... shape) {
        return wrap(DType.INT8, ArrayShape.orRow(values.length, shape), ByteBuffer.wrap(values.clone()));
    }

    public static NdArray of(boolean[] values, long... shape) {
        return wrap(DType.BOOL, ArrayShape.orRow(values.length, shape), ArrayData.of(values));
    }

    /**
     * Texts of any length.
     *
     * @throws ArgumentException one is null, or no valid Unicode
     */
    public static NdArray of(String[] values, long... shape) {
        return wrap(DType.STRING, ArrayShape.orRow(values.length, shape), ArrayStrings.encode(values));
    }

    /** uint8, e.g. the channels of pictures. */
    public static NdArray ofUnsigned(byte[] values, long... shape) {
        return wrap(DType.UINT8, ArrayShape.orRow(values.length, shape), ByteBuffer.wrap(values.clone()));
    }

    public static NdArray ofUnsigned(short[] values, long... shape) {
        return ofShorts(DType.UINT16, values, shape);
    }

    public static NdArray ofUnsigned(int[] values, long... shape) {
        return wrap(DType.UINT32, ArrayShape.orRow(values.length, shape), ArrayData.of(values));
    }

    public static NdArray ofUnsigned(long[] values, long... shape) {
        return ofLongs(DType.UINT64, values, shape);
    }

    /** float16 from its bits. */
    public static NdArray ofHalf(short[] bits, long... shape) {
        return ofShorts(DType.FLOAT16, bits, shape);
    }

    /** float16, rounded to nearest, ties to even. */
    public static NdArray ofHalf(float[] values, long... shape) {
        return ofHalf(HalfFloat.toHalfs(values), shape);
    }

    /** bfloat16 from its bits. */
    public static NdArray ofBfloat16(short[] bits, long... shape) {
        return ofShorts(DType.BFLOAT16, bits, shape);
    }

    /** bfloat16, rounded to nearest, ties to even. */
    public static NdArray ofBfloat16(float[] values, long... shape) {
        return ofBfloat16(HalfFloat.toBfloats(values), shape);
    }

    /** complex64 from real and imaginary parts in turn; the shape is that of the numbers. */
    public static NdArray ofComplex(float[] interleaved, long... shape) {
        long[] whole = ArrayShape.orRow(ArrayShape.pairs(interleaved.length), shape);
        return wrap(DType.COMPLEX64, whole, ArrayData.of(interleaved));
    }

    /** complex128 from real and imaginary parts in turn; the shape is that of the numbers. */
    public static NdArray ofComplex(double[] interleaved, long... shape) {
        long[] whole = ArrayShape.orRow(ArrayShape.pairs(interleaved.length), shape);
        return wrap(DType.COMPLEX128, whole, ArrayData.of(interleaved));
    }

    /** Moments or durations as counts; {@code Long.MIN_VALUE} is "not a time". */
    public static NdArray ofTimes(DType dtype, long[] counts, long... shape) {
        require(dtype.unit() != null, dtype, "datetime64 or timedelta64");
        return ofLongs(dtype, counts, shape);
    }

    /** Bytes of one width, padded with zeros to that of the longest; zeros at an end count as padding. */
    public static NdArray ofFixed(byte[][] values, long... shape) {
        int width = Arrays.stream(values).mapToInt(value -> value.length).max().orElse(0);
        long[] whole = ArrayShape.orRow(values.length, shape);
        return wrap(DType.bytes(width), whole, ArrayStrings.encodeFixed(values, width));
    }

    /** Text of one width in code points, padded to that of the longest; NULs at an end count as padding. */
    public static NdArray ofFixed(String[] values, long... shape) {
        byte[][] items = ArrayStrings.codePoints(values);
        int width = Arrays.stream(items).mapToInt(item -> item.length / 4).max().orElse(0);
        DType dtype = DType.unicode(width);
        return wrap(dtype, ArrayShape.orRow(values.length, shape), ArrayStrings.encodeFixed(items, dtype.itemsize()));
    }

    private static NdArray ofLongs(DType dtype, long[] values, long[] shape) {
        return wrap(dtype, ArrayShape.orRow(values.length, shape), ArrayData.of(values));
    }

    private static NdArray ofShorts(DType dtype, short[] values, long[] shape) {
        return wrap(dtype, ArrayShape.orRow(values.length, shape), ArrayData.of(values));
    }

    // -- what it is

    public DType dtype() {
        return dtype;
    }

    /** The sizes, rows first; a copy. Empty for a single value. */
    public long[] shape() {
        return shape.clone();
    }

    /** The number of dims. */
    public int rank() {
        return shape.length;
    }

    /** The number of rows: the first size. */
    public long rowCount() {
        requireDims(1);
        return shape[0];
    }

    /** The number of elements. */
    public long size() {
        return size;
    }

    /** Bytes that it takes to send. */
    public long byteSize() {
        if (text == null) {
            return data.limit();
        }
        return data.limit() + data.getLong(data.limit() - 8) - data.getLong(0);
    }

    // -- views

    /**
     * Some of the rows; a view.
     *
     * @throws ArgumentException not 0 &lt;= from &lt;= to &lt;= rows
     */
    public NdArray rows(long from, long to) {
        requireDims(1);
        if (from < 0 || from > to || to > shape[0]) {
            throw new ArgumentException(
                    "no such rows", Detail.mismatch("0 <= from <= to <= " + shape[0], from + " to " + to));
        }
        long[] ours = shape.clone();
        ours[0] = to - from;
        return part(ours, from * (shape[0] == 0 ? 0 : size / shape[0]));
    }

    /** One row, of one dim less; a view. */
    public NdArray get(long index) {
        requireDims(1);
        ArrayShape.checkIndex(shape, index, 0);
        return part(Arrays.copyOfRange(shape, 1, shape.length), index * (size / shape[0]));
    }

    private NdArray part(long[] partShape, long first) {
        long count = ArrayShape.count(partShape);
        int width = text == null ? dtype.itemsize() : 8;
        long bytes = (count + (text == null ? 0 : 1)) * width;
        ByteBuffer slice = data().slice((int) (first * width), (int) bytes);
        return new NdArray(dtype, partShape, slice, text, lease, true);
    }

    /**
     * The same elements in another shape; a view.
     *
     * @throws ArgumentException it has another number of elements
     */
    public NdArray reshape(long... newShape) {
        long[] ours = ArrayShape.checked(newShape).clone();
        if (ArrayShape.count(ours) != size) {
            throw new ArgumentException(
                    "another number of elements",
                    Detail.mismatch(ArrayShape.text(shape), ArrayShape.text(ours)));
        }
        return new NdArray(dtype, ours, data(), text, lease, true);
    }

    /**
     * The rows of several arrays after each other, in memory of their own. Text of fixed width gets that of the widest.
     *
     * @throws ArgumentException none, or they differ in dtype or in the shape of a row
     */
    public static NdArray concat(List<NdArray> arrays) {
        return Concat.of(arrays);
    }

    /** A copy, in memory of its own. */
    public NdArray copy() {
        int bytes = ArrayStrings.checkedSize(byteSize());
        ByteBuffer target = ByteBuffer.allocate(bytes);
        encoded().forEach(target::put);
        Reference.reachabilityFence(this);
        return wrap(dtype, shape, target.flip());
    }

    /** Whether both lie, at least in part, in the same memory. */
    public boolean sharesMemory(NdArray other) {
        return lease != null && lease == other.lease || overlaps(data, other.data);
    }

    private static boolean overlaps(ByteBuffer a, ByteBuffer b) {
        return a == b || a.hasArray() && b.hasArray() && a.array() == b.array();
    }

    // -- buffers

    /**
     * The data as it travels: views, but that the offsets of a part of an array of texts are made new. In order; each
     * from its position to its limit. For whoever keeps the array until they were used: unlike those of
     * {@link #asByteBuffer} they do not keep memory that was lent from being lent again.
     */
    public List<ByteBuffer> encoded() {
        if (text == null) {
            return List.of(data().duplicate().order(ByteOrder.LITTLE_ENDIAN));
        }
        long first = data().getLong(0);
        long last = data.getLong(data.limit() - 8);
        ByteBuffer offsets = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (first != 0) {
            offsets = ArrayStrings.rebased(data, first);
        }
        return List.of(offsets, text.slice((int) first, (int) (last - first)));
    }

    /** The memory itself, little endian; for all but texts of any length. What is written to it changes the array. */
    public ByteBuffer asByteBuffer() {
        require(text == null, dtype, "anything but string");
        return exposed();
    }

    private ByteBuffer exposed() {
        ByteBuffer bytes = data();
        if (lease != null) {
            lease.memory.expose();
        }
        return bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The memory as float32, or as the parts of complex64 in turn. */
    public FloatBuffer asFloatBuffer() {
        requireKind(DType.Kind.FLOAT32, DType.Kind.COMPLEX64);
        return exposed().asFloatBuffer();
    }

    /** The memory as float64, or as the parts of complex128 in turn. */
    public DoubleBuffer asDoubleBuffer() {
        requireKind(DType.Kind.FLOAT64, DType.Kind.COMPLEX128);
        return exposed().asDoubleBuffer();
    }

    /** The memory as int32 or uint32. */
    public IntBuffer asIntBuffer() {
        requireKind(DType.Kind.INT32, DType.Kind.UINT32);
        return exposed().asIntBuffer();
    }

    /** The memory as int64, uint64 or counts of time. */
    public LongBuffer asLongBuffer() {
        requireKind(DType.Kind.INT64, DType.Kind.UINT64, DType.Kind.DATETIME64, DType.Kind.TIMEDELTA64);
        return exposed().asLongBuffer();
    }

    /** The memory as int16 or uint16, or as the bits of float16 or bfloat16. */
    public ShortBuffer asShortBuffer() {
        requireKind(DType.Kind.INT16, DType.Kind.UINT16, DType.Kind.FLOAT16, DType.Kind.BFLOAT16);
        return exposed().asShortBuffer();
    }

    // -- copies

    /** float32, float16 or bfloat16, or the parts of complex64 in turn; a copy. */
    public float[] toFloatArray() {
        if (dtype == DType.FLOAT16 || dtype == DType.BFLOAT16) {
            float[] values = new float[(int) size];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) doubleAt(i, 0);
            }
            return values;
        }
        requireKind(DType.Kind.FLOAT32, DType.Kind.COMPLEX64, DType.Kind.FLOAT16, DType.Kind.BFLOAT16);
        float[] values = new float[data.limit() / 4];
        data().asFloatBuffer().get(values);
        Reference.reachabilityFence(this);
        return values;
    }

    /** float64, or the parts of complex128 in turn; a copy. */
    public double[] toDoubleArray() {
        requireKind(DType.Kind.FLOAT64, DType.Kind.COMPLEX128);
        double[] values = new double[data.limit() / 8];
        data().asDoubleBuffer().get(values);
        Reference.reachabilityFence(this);
        return values;
    }

    /** int32 or uint32; a copy. */
    public int[] toIntArray() {
        requireKind(DType.Kind.INT32, DType.Kind.UINT32);
        int[] values = new int[(int) size];
        data().asIntBuffer().get(values);
        Reference.reachabilityFence(this);
        return values;
    }

    /** int64 or uint64, or counts of time; a copy. */
    public long[] toLongArray() {
        requireKind(DType.Kind.INT64, DType.Kind.UINT64, DType.Kind.DATETIME64, DType.Kind.TIMEDELTA64);
        long[] values = new long[(int) size];
        data().asLongBuffer().get(values);
        Reference.reachabilityFence(this);
        return values;
    }

    /** int16 or uint16, or the bits of float16 or bfloat16; a copy. */
    public short[] toShortArray() {
        requireKind(DType.Kind.INT16, DType.Kind.UINT16, DType.Kind.FLOAT16, DType.Kind.BFLOAT16);
        short[] values = new short[(int) size];
        data().asShortBuffer().get(values);
        Reference.reachabilityFence(this);
        return values;
    }

    /** int8, uint8 or bool, or all the bytes of an array of fixed width; a copy. */
    public byte[] toByteArray() {
        requireKind(DType.Kind.INT8, DType.Kind.UINT8, DType.Kind.BOOL, DType.Kind.BYTES);
        byte[] values = new byte[data.limit()];
        data().get(0, values);
        Reference.reachabilityFence(this);
        return values;
    }

    public boolean[] toBooleanArray() {
        requireKind(DType.Kind.BOOL);
        boolean[] values = new boolean[(int) size];
        for (int i = 0; i < values.length; i++) {
            values[i] = data().get(i) != 0;
        }
        Reference.reachabilityFence(this);
        return values;
    }

    /** Texts, of any length or of a fixed width; of bytes of a fixed width as ISO 8859-1. */
    public String[] toStringArray() {
        requireKind(DType.Kind.STRING, DType.Kind.UNICODE, DType.Kind.BYTES);
        String[] values = new String[(int) size];
        for (int i = 0; i < values.length; i++) {
            values[i] = textAt(i);
        }
        return values;
    }

    // -- elements

    /** An element of a float dtype. */
    public float getFloat(long... index) {
        requireKind(DType.Kind.FLOAT32, DType.Kind.FLOAT16, DType.Kind.BFLOAT16);
        return (float) doubleAt(ArrayShape.flat(shape, index), 0);
    }

    /** An element of a float dtype. */
    public double getDouble(long... index) {
        requireKind(DType.Kind.FLOAT64, DType.Kind.FLOAT32, DType.Kind.FLOAT16, DType.Kind.BFLOAT16);
        return doubleAt(ArrayShape.flat(shape, index), 0);
    }

    /** An element of an integer dtype, a bool, or a count of time; uint64 as its bits. */
    public long getLong(long... index) {
        boolean isWhole = dtype.kind().ordinal() <= DType.Kind.UINT64.ordinal() || dtype.unit() != null;
        require(isWhole, dtype, "an integer dtype, bool or a time");
        return longAt(ArrayShape.flat(shape, index));
    }

    /** An element of an integer dtype that fits. */
    public int getInt(long... index) {
        return Math.toIntExact(getLong(index));
    }

    public boolean getBoolean(long... index) {
        requireKind(DType.Kind.BOOL);
        return longAt(ArrayShape.flat(shape, index)) != 0;
    }

    /** An element of text. */
    public String getString(long... index) {
        requireKind(DType.Kind.STRING, DType.Kind.UNICODE, DType.Kind.BYTES);
        return textAt(ArrayShape.flat(shape, index));
    }

    double doubleAt(long flat, int part) {
        double value = ArrayElements.doubleAt(dtype, data(), (int) flat, part);
        Reference.reachabilityFence(this);
        return value;
    }

    long longAt(long flat) {
        long value = ArrayElements.longAt(dtype, data(), (int) flat);
        Reference.reachabilityFence(this);
        return value;
    }

    String textAt(long flat) {
        String value = ArrayElements.textAt(dtype, data(), text, (int) flat);
        Reference.reachabilityFence(this);
        return value;
    }

    // -- the end

    /** Hand back memory that was lent by the client; of other arrays, and of views, nothing. Again: no harm. */
    @Override
    public void close() {
        if (lease == null || isView || lease.isOver) {
            return;
        }
        lease.isOver = true;
        lease.memory.release();
    }

    private ByteBuffer data() {
        if (lease != null && lease.isOver) {
            throw new IllegalStateException("the array was closed");
        }
        return data;
    }

    /** Equal in dtype, shape and each bit: NaNs equal themselves, and -0.0 is not 0.0. */
    @Override
    public boolean equals(Object other) {
        if (this == other) {
            return true;
        }
        if (!(other instanceof NdArray that) || !dtype.equals(that.dtype) || !Arrays.equals(shape, that.shape)) {
            return false;
        }
        boolean isSame = text == null ? data().equals(that.data()) : encoded().equals(that.encoded());
        Reference.reachabilityFence(this);
        Reference.reachabilityFence(that);
        return isSame;
    }

    @Override
    public int hashCode() {
        int bits = text == null ? data().hashCode() : encoded().hashCode();
        Reference.reachabilityFence(this);
        return 31 * (31 * dtype.hashCode() + Arrays.hashCode(shape)) + bits;
    }

    /** As NumPy shows it; over 1000 elements only the ends of each dim. */
    @Override
    public String toString() {
        return ArrayText.of(this);
    }

    // -- checks

    private static void checkBytes(boolean isFit, DType dtype, long[] shape, int bytes) {
        if (!isFit) {
            throw new ArgumentException(
                    "the data does not fit the shape",
                    Detail.mismatch(dtype + " " + ArrayShape.text(shape), bytes + " bytes"));
        }
    }

    private void requireDims(int least) {
        if (shape.length < least) {
            throw new ArgumentException("a single value has no rows", Detail.NONE.withHelp("reshape(1)"));
        }
    }

    private void requireKind(DType.Kind... kinds) {
        for (DType.Kind kind : kinds) {
            if (dtype.kind() == kind) {
                return;
            }
        }
        require(false, dtype, String.join(", ", Arrays.stream(kinds).map(k -> k.name().toLowerCase()).toList()));
    }

    private static void require(boolean isTrue, DType dtype, String expected) {
        if (!isTrue) {
            throw new ArgumentException("an array of another dtype", Detail.mismatch(expected, dtype.toString()));
        }
    }
}
