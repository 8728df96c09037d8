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
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An array of any rank: row-major, little endian, on memory of its own or of somebody else's.
 *
 * <p>{@link #rows}, {@link #get} and {@link #reshape} are views: they share the memory and copy nothing. Arrays that came
 * from a node may be closed when they are no longer needed, which makes their memory ready for the next one at once; one
 * that is only dropped is found by the garbage collector later. After {@code close} neither the array, nor views of it,
 * nor buffers of it may be used.
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

    /** What an array and its views share of memory that was lent. */
    private static final class Lease {
        final ArrayMemory memory;
        volatile boolean isOver;

        Lease(ArrayMemory memory) {
            this.memory = memory;
        }
    }

    private NdArray(DType dtype, long[] shape, ByteBuffer data, ByteBuffer text, Lease lease) {
        this.dtype = dtype;
        this.shape = shape;
        this.size = count(shape);
        this.data = data.order(ByteOrder.LITTLE_ENDIAN);
        this.text = text;
        this.lease = lease;
    }

    // -- making arrays

    /** An array of zeros (empty texts). */
    public static NdArray zeros(DType dtype, long... shape) {
        long size = count(checkedShape(shape));
        int bytes = ArrayStrings.checkedSize(dtype == DType.STRING ? 8 * (size + 1) : multiplied(size, dtype));
        return wrap(dtype, shape, ByteBuffer.allocate(bytes));
    }

    /**
     * An array on memory of the caller's; no copy. What is written to one is seen in the other.
     *
     * @param data the bytes from its position to its limit, little endian; for {@link DType#STRING} the offsets, then the
     *     bytes that they point into
     * @throws ArgumentException the number of bytes does not fit, or texts are not in order
     */
    public static NdArray wrap(DType dtype, long[] shape, ByteBuffer data) {
        return wrap(dtype, shape, data, null);
    }

    /** The same, on memory whose lender wants to know when it is no longer needed. */
    public static NdArray wrap(DType dtype, long[] shape, ByteBuffer data, ArrayMemory memory) {
        long[] ours = checkedShape(shape).clone();
        long size = count(ours);
        Lease lease = memory == null ? null : new Lease(memory);
        ByteBuffer bytes = data.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (dtype == DType.STRING) {
            long head = Math.multiplyExact(size + 1, 8L);
            checkBytes(head <= bytes.limit(), dtype, ours, bytes.limit());
            ByteBuffer offsets = bytes.slice(0, (int) head).order(ByteOrder.LITTLE_ENDIAN);
            ByteBuffer text = bytes.slice((int) head, bytes.limit() - (int) head);
            checkOffsets(offsets, text.limit());
            return new NdArray(dtype, ours, offsets, text, lease);
        }
        checkBytes(multiplied(size, dtype) == bytes.limit(), dtype, ours, bytes.limit());
        return new NdArray(dtype, ours, bytes, null, lease);
    }

    /** Copies the values; without a shape one row of all. */
    public static NdArray of(float[] values, long... shape) {
        ByteBuffer data = allocate(values.length, 4);
        data.asFloatBuffer().put(values);
        return wrap(DType.FLOAT32, shapeFor(values.length, shape), data);
    }

    public static NdArray of(double[] values, long... shape) {
        ByteBuffer data = allocate(values.length, 8);
        data.asDoubleBuffer().put(values);
        return wrap(DType.FLOAT64, shapeFor(values.length, shape), data);
    }

    public static NdArray of(int[] values, long... shape) {
        ByteBuffer data = allocate(values.length, 4);
        data.asIntBuffer().put(values);
        return wrap(DType.INT32, shapeFor(values.length, shape), data);
    }

    public static NdArray of(long[] values, long... shape) {
        return ofLongs(DType.INT64, values, shape);
    }

    public static NdArray of(short[] values, long... shape) {
        return ofShorts(DType.INT16, values, shape);
    }

    /** int8; see {@link #ofUnsigned(byte[], long...)} for the bytes of pictures. */
    public static NdArray of(byte[] values, long... shape) {
        return wrap(DType.INT8, shapeFor(values.length, shape), ByteBuffer.wrap(values.clone()));
    }

    public static NdArray of(boolean[] values, long... shape) {
        byte[] data = new byte[values.length];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (values[i] ? 1 : 0);
        }
        return wrap(DType.BOOL, shapeFor(values.length, shape), ByteBuffer.wrap(data));
    }

    /**
     * Texts of any length.
     *
     * @throws ArgumentException one is null, or no valid Unicode
     */
    public static NdArray of(String[] values, long... shape) {
        return wrap(DType.STRING, shapeFor(values.length, shape), ArrayStrings.encode(values));
    }

    /** uint8, e.g. the channels of pictures. */
    public static NdArray ofUnsigned(byte[] values, long... shape) {
        return wrap(DType.UINT8, shapeFor(values.length, shape), ByteBuffer.wrap(values.clone()));
    }

    public static NdArray ofUnsigned(short[] values, long... shape) {
        return ofShorts(DType.UINT16, values, shape);
    }

    public static NdArray ofUnsigned(int[] values, long... shape) {
        ByteBuffer data = allocate(values.length, 4);
        data.asIntBuffer().put(values);
        return wrap(DType.UINT32, shapeFor(values.length, shape), data);
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
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = HalfFloat.floatToHalf(values[i]);
        }
        return ofHalf(bits, shape);
    }

    /** bfloat16 from its bits. */
    public static NdArray ofBfloat16(short[] bits, long... shape) {
        return ofShorts(DType.BFLOAT16, bits, shape);
    }

    /** bfloat16, rounded to nearest, ties to even. */
    public static NdArray ofBfloat16(float[] values, long... shape) {
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = HalfFloat.floatToBfloat(values[i]);
        }
        return ofBfloat16(bits, shape);
    }

    /** complex64 from real and imaginary parts in turn; the shape is that of the numbers. */
    public static NdArray ofComplex(float[] interleaved, long... shape) {
        ByteBuffer data = allocate(interleaved.length, 4);
        data.asFloatBuffer().put(interleaved);
        return wrap(DType.COMPLEX64, shapeFor(pairs(interleaved.length), shape), data);
    }

    /** complex128 from real and imaginary parts in turn; the shape is that of the numbers. */
    public static NdArray ofComplex(double[] interleaved, long... shape) {
        ByteBuffer data = allocate(interleaved.length, 8);
        data.asDoubleBuffer().put(interleaved);
        return wrap(DType.COMPLEX128, shapeFor(pairs(interleaved.length), shape), data);
    }

    /** Moments or durations as counts; {@code Long.MIN_VALUE} is "not a time". */
    public static NdArray ofTimes(DType dtype, long[] counts, long... shape) {
        require(dtype.unit() != null, dtype, "datetime64 or timedelta64");
        return ofLongs(dtype, counts, shape);
    }

    /** Bytes of one width, padded with zeros to that of the longest; zeros at an end count as padding. */
    public static NdArray ofFixed(byte[][] values, long... shape) {
        int width = Arrays.stream(values).mapToInt(value -> value.length).max().orElse(0);
        return wrap(DType.bytes(width), shapeFor(values.length, shape), ArrayStrings.encodeFixed(values, width));
    }

    /** Text of one width in code points, padded to that of the longest; NULs at an end count as padding. */
    public static NdArray ofFixed(String[] values, long... shape) {
        byte[][] items = new byte[values.length][];
        int width = 0;
        for (int i = 0; i < items.length; i++) {
            ArrayStrings.utf8(values[i]);
            int[] points = values[i].codePoints().toArray();
            ByteBuffer item = allocate(points.length, 4);
            item.asIntBuffer().put(points);
            items[i] = item.array();
            width = Math.max(width, points.length);
        }
        DType dtype = DType.unicode(width);
        return wrap(dtype, shapeFor(values.length, shape), ArrayStrings.encodeFixed(items, dtype.itemsize()));
    }

    private static NdArray ofLongs(DType dtype, long[] values, long[] shape) {
        ByteBuffer data = allocate(values.length, 8);
        data.asLongBuffer().put(values);
        return wrap(dtype, shapeFor(values.length, shape), data);
    }

    private static NdArray ofShorts(DType dtype, short[] values, long[] shape) {
        ByteBuffer data = allocate(values.length, 2);
        data.asShortBuffer().put(values);
        return wrap(dtype, shapeFor(values.length, shape), data);
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
        checkIndex(index, 0);
        return part(Arrays.copyOfRange(shape, 1, shape.length), index * (size / shape[0]));
    }

    private NdArray part(long[] partShape, long first) {
        long count = count(partShape);
        int width = text == null ? dtype.itemsize() : 8;
        long bytes = (count + (text == null ? 0 : 1)) * width;
        ByteBuffer slice = data().slice((int) (first * width), (int) bytes);
        return new NdArray(dtype, partShape, slice, text, lease);
    }

    /**
     * The same elements in another shape; a view.
     *
     * @throws ArgumentException it has another number of elements
     */
    public NdArray reshape(long... newShape) {
        long[] ours = checkedShape(newShape).clone();
        if (count(ours) != size) {
            throw new ArgumentException(
                    "another number of elements",
                    Detail.mismatch(ArrayText.shapeText(shape), ArrayText.shapeText(ours)));
        }
        return new NdArray(dtype, ours, data(), text, lease);
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
     * The data as it travels: views, but that the offsets of a part of an array of texts are made new. In order; each from
     * its position to its limit. For whoever keeps the array until they were used: unlike those of {@link #asByteBuffer}
     * they do not keep memory that was lent from being lent again.
     */
    public List<ByteBuffer> encoded() {
        if (text == null) {
            return List.of(data().duplicate().order(ByteOrder.LITTLE_ENDIAN));
        }
        long first = data().getLong(0);
        long last = data.getLong(data.limit() - 8);
        ByteBuffer offsets = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (first != 0) {
            offsets = allocate(data.limit() / 8, 8);
            for (int at = 0; at < data.limit(); at += 8) {
                offsets.putLong(at, data.getLong(at) - first);
            }
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
        return (float) doubleAt(flat(index), 0);
    }

    /** An element of a float dtype. */
    public double getDouble(long... index) {
        requireKind(DType.Kind.FLOAT64, DType.Kind.FLOAT32, DType.Kind.FLOAT16, DType.Kind.BFLOAT16);
        return doubleAt(flat(index), 0);
    }

    /** An element of an integer dtype, a bool, or a count of time; uint64 as its bits. */
    public long getLong(long... index) {
        boolean isWhole = dtype.kind().ordinal() <= DType.Kind.UINT64.ordinal() || dtype.unit() != null;
        require(isWhole, dtype, "an integer dtype, bool or a time");
        return longAt(flat(index));
    }

    /** An element of an integer dtype that fits. */
    public int getInt(long... index) {
        return Math.toIntExact(getLong(index));
    }

    public boolean getBoolean(long... index) {
        requireKind(DType.Kind.BOOL);
        return longAt(flat(index)) != 0;
    }

    /** An element of text. */
    public String getString(long... index) {
        requireKind(DType.Kind.STRING, DType.Kind.UNICODE, DType.Kind.BYTES);
        return textAt(flat(index));
    }

    private long flat(long[] index) {
        if (index.length != shape.length) {
            throw new ArgumentException(
                    "wrong number of indices", Detail.mismatch(Integer.toString(shape.length), index.length + ""));
        }
        long flat = 0;
        for (int axis = 0; axis < index.length; axis++) {
            checkIndex(index[axis], axis);
            flat = flat * shape[axis] + index[axis];
        }
        return flat;
    }

    double doubleAt(long flat, int part) {
        ByteBuffer bytes = data();
        int i = (int) flat;
        try {
            return switch (dtype.kind()) {
                case FLOAT16 -> HalfFloat.halfToFloat(bytes.getShort(2 * i));
                case BFLOAT16 -> HalfFloat.bfloatToFloat(bytes.getShort(2 * i));
                case FLOAT32 -> bytes.getFloat(4 * i);
                case FLOAT64 -> bytes.getDouble(8 * i);
                case COMPLEX64 -> bytes.getFloat(8 * i + 4 * part);
                case COMPLEX128 -> bytes.getDouble(16 * i + 8 * part);
                default -> longAt(flat);
            };
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    long longAt(long flat) {
        ByteBuffer bytes = data();
        int i = (int) flat;
        try {
            return switch (dtype.kind()) {
                case BOOL, INT8 -> bytes.get(i);
                case UINT8 -> bytes.get(i) & 0xff;
                case INT16 -> bytes.getShort(2 * i);
                case UINT16 -> bytes.getShort(2 * i) & 0xffff;
                case INT32 -> bytes.getInt(4 * i);
                case UINT32 -> bytes.getInt(4 * i) & 0xffffffffL;
                default -> bytes.getLong(8 * i);
            };
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    String textAt(long flat) {
        ByteBuffer bytes = data();
        byte[] raw;
        if (text != null) {
            long from = bytes.getLong((int) flat * 8);
            raw = new byte[(int) (bytes.getLong((int) flat * 8 + 8) - from)];
            text.get((int) from, raw);
        } else {
            raw = new byte[dtype.itemsize()];
            bytes.get((int) flat * raw.length, raw);
        }
        Reference.reachabilityFence(this);
        return switch (dtype.kind()) {
            case STRING -> new String(raw, StandardCharsets.UTF_8);
            case BYTES -> new String(raw, 0, withoutPadding(raw, 1), StandardCharsets.ISO_8859_1);
            default -> codePoints(raw);
        };
    }

    private static String codePoints(byte[] raw) {
        IntBuffer points = ByteBuffer.wrap(raw, 0, withoutPadding(raw, 4)).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        StringBuilder text = new StringBuilder();
        while (points.hasRemaining()) {
            text.appendCodePoint(points.get());
        }
        return text.toString();
    }

    /** Length without the zeros at the end, in whole elements of unit bytes. */
    private static int withoutPadding(byte[] raw, int unit) {
        int end = raw.length;
        while (end > 0 && raw[end - 1] == 0) {
            end--;
        }
        return (end + unit - 1) / unit * unit;
    }

    // -- the end

    /** Hand back memory that was lent by the client; of other arrays this does nothing. Again: no harm. */
    @Override
    public void close() {
        if (lease == null || lease.isOver) {
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
        boolean isSame = text == null ? data().equals(that.data()) : joined(encoded()).equals(joined(that.encoded()));
        Reference.reachabilityFence(this);
        Reference.reachabilityFence(that);
        return isSame;
    }

    @Override
    public int hashCode() {
        int bits = text == null ? data().hashCode() : joined(encoded()).hashCode();
        Reference.reachabilityFence(this);
        return 31 * (31 * dtype.hashCode() + Arrays.hashCode(shape)) + bits;
    }

    private static List<ByteBuffer> joined(List<ByteBuffer> parts) {
        return new ArrayList<>(parts);
    }

    /** As NumPy shows it; over 1000 elements only the ends of each dim. */
    @Override
    public String toString() {
        return ArrayText.of(this);
    }

    // -- checks

    private static ByteBuffer allocate(int count, int width) {
        int bytes = ArrayStrings.checkedSize((long) count * width);
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static long[] shapeFor(int count, long[] shape) {
        return shape.length == 0 ? new long[] {count} : shape;
    }

    private static int pairs(int parts) {
        if (parts % 2 != 0) {
            throw new ArgumentException(
                    "half a complex number", Detail.mismatch("real and imaginary parts in turn", parts + " numbers"));
        }
        return parts / 2;
    }

    private static long[] checkedShape(long[] shape) {
        for (long length : shape) {
            if (length < 0) {
                throw new ArgumentException(
                        "a negative size in a shape", Detail.NONE.withGot(ArrayText.shapeText(shape)));
            }
        }
        return shape;
    }

    private static long count(long[] shape) {
        long count = 1;
        for (long length : shape) {
            if (length == 0) {
                return 0;
            }
        }
        for (long length : shape) {
            count = Math.multiplyHigh(count, length) != 0 || count * length < 0 ? Long.MAX_VALUE : count * length;
        }
        return count;
    }

    private static long multiplied(long size, DType dtype) {
        return dtype.itemsize() != 0 && size > Long.MAX_VALUE / 16 ? Long.MAX_VALUE : size * dtype.itemsize();
    }

    private static void checkBytes(boolean isFit, DType dtype, long[] shape, int bytes) {
        if (!isFit) {
            throw new ArgumentException(
                    "the data does not fit the shape",
                    Detail.mismatch(dtype + " " + ArrayText.shapeText(shape), bytes + " bytes"));
        }
    }

    private static void checkOffsets(ByteBuffer offsets, int textBytes) {
        long last = 0;
        for (int at = 0; at < offsets.limit(); at += 8) {
            long offset = offsets.getLong(at);
            if (offset < last || at == 0 && offset != 0) {
                throw new ArgumentException("the offsets of an array of texts are not in order");
            }
            last = offset;
        }
        if (last != textBytes) {
            throw new ArgumentException("the offsets of an array of texts do not end where the text does");
        }
    }

    private void checkIndex(long index, int axis) {
        if (index < 0 || index >= shape[axis]) {
            throw new ArgumentException(
                    "no such index", Detail.mismatch("0 to " + (shape[axis] - 1), index + " in axis " + axis));
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
