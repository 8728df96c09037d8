package io.pyrpc.client;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import java.nio.ByteBuffer;
import java.util.function.DoubleUnaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * Element by element as NumPy has it ("Reduction" of thrift/PLANNER.md). Whole numbers wrap around. Floats are rounded
 * to their dtype after each operation: a double has more than twice their digits, so that to round its result gives
 * just what the operation itself would.
 */
final class ArrayArithmetic {
    /** "Not a time", which stays what it is. */
    private static final long NAT = Long.MIN_VALUE;

    private ArrayArithmetic() {}

    /** The sum of two arrays of one dtype and shape. */
    static NdArray add(NdArray left, NdArray right) {
        if (isShort(left.dtype())) {
            return narrowed(add(widened(left), widened(right)), left.dtype());
        }
        DType.Kind kind = partOf(left);
        ByteBuffer l = left.asByteBuffer();
        ByteBuffer r = right.asByteBuffer();
        NdArray sum = NdArray.zeros(left.dtype(), left.shape());
        ByteBuffer to = sum.asByteBuffer();
        int count = l.remaining() / width(kind);
        for (int index = 0; index < count; index++) {
            switch (kind) {
                case BOOL -> to.put(index, (byte) (l.get(index) | r.get(index)));
                case FLOAT32, FLOAT64 -> putReal(kind, to, index, real(kind, l, index) + real(kind, r, index));
                case TIMEDELTA64 -> to.putLong(8 * index, later(l.getLong(8 * index), r.getLong(8 * index)));
                default -> putWhole(kind, to, index, whole(kind, l, index) + whole(kind, r, index));
            }
        }
        return sum;
    }

    private static long later(long left, long right) {
        return left == NAT || right == NAT ? NAT : left + right;
    }

    /** An array times a whole number; of a dtype that {@link #widened} gives. */
    static NdArray times(NdArray array, long factor) {
        DType.Kind kind = partOf(array);
        if (isComplex(array)) {
            double real = rounded(kind, factor);
            return complex(array, (re, im) -> re * real - im * 0.0, (re, im) -> re * 0.0 + im * real);
        }
        if (isReal(kind)) {
            double real = rounded(kind, factor);
            return reals(array, kind, value -> value * real);
        }
        boolean isTime = kind == DType.Kind.TIMEDELTA64;
        return wholes(array, value -> isTime && value == NAT ? NAT : value * factor);
    }

    /** An array over a whole number; whole numbers become float64. */
    static NdArray over(NdArray array, long divisor) {
        DType.Kind kind = partOf(array);
        if (isComplex(array)) {
            double scale = rounded(kind, 1.0 / rounded(kind, divisor));
            return complex(array, (re, im) -> (re + im * 0.0) * scale, (re, im) -> (im - re * 0.0) * scale);
        }
        if (isReal(kind)) {
            double real = rounded(kind, divisor);
            return reals(array, kind, value -> value / real);
        }
        if (kind == DType.Kind.TIMEDELTA64) {
            return wholes(array, value -> value == NAT ? NAT : value / divisor);
        }
        NdArray result = NdArray.zeros(DType.FLOAT64, array.shape());
        ByteBuffer from = array.asByteBuffer();
        ByteBuffer to = result.asByteBuffer();
        for (int index = 0; index < array.size(); index++) {
            long value = from.getLong(8 * index);
            to.putDouble(8 * index, (kind == DType.Kind.UINT64 ? unsigned(value) : value) / divisor);
        }
        return result;
    }

    // -- wider dtypes, where the mean itself may be near the end of what its dtype holds

    /** Floats of 16 bits as float32, whole numbers below 64 bits and truths as int64; others as they are. */
    static NdArray widened(NdArray array) {
        if (isShort(array.dtype())) {
            return NdArray.of(array.toFloatArray()).reshape(array.shape());
        }
        DType.Kind kind = partOf(array);
        if (isReal(kind) || width(kind) == 8) {
            return array;
        }
        NdArray wide = NdArray.zeros(DType.INT64, array.shape());
        ByteBuffer from = array.asByteBuffer();
        ByteBuffer to = wide.asByteBuffer();
        for (int index = 0; index < array.size(); index++) {
            to.putLong(8 * index, whole(kind, from, index));
        }
        return wide;
    }

    /** Back in a dtype of floats of 16 bits; for others as it is. */
    static NdArray narrowed(NdArray array, DType dtype) {
        if (!isShort(dtype)) {
            return array;
        }
        float[] values = array.toFloatArray();
        NdArray result = dtype.equals(DType.FLOAT16) ? NdArray.ofHalf(values) : NdArray.ofBfloat16(values);
        return result.reshape(array.shape());
    }

    private static boolean isShort(DType dtype) {
        return dtype.equals(DType.FLOAT16) || dtype.equals(DType.BFLOAT16);
    }

    // -- loops

    private static NdArray reals(NdArray array, DType.Kind kind, DoubleUnaryOperator operation) {
        NdArray result = NdArray.zeros(array.dtype(), array.shape());
        ByteBuffer from = array.asByteBuffer();
        ByteBuffer to = result.asByteBuffer();
        for (int index = 0; index < array.size(); index++) {
            putReal(kind, to, index, operation.applyAsDouble(real(kind, from, index)));
        }
        return result;
    }

    /** Of 64 bits. */
    private static NdArray wholes(NdArray array, LongUnaryOperator operation) {
        NdArray result = NdArray.zeros(array.dtype(), array.shape());
        ByteBuffer from = array.asByteBuffer();
        ByteBuffer to = result.asByteBuffer();
        for (int index = 0; index < array.size(); index++) {
            to.putLong(8 * index, operation.applyAsLong(from.getLong(8 * index)));
        }
        return result;
    }

    private interface Part {
        double of(double real, double imaginary);
    }

    private static NdArray complex(NdArray array, Part real, Part imaginary) {
        DType.Kind kind = partOf(array);
        NdArray result = NdArray.zeros(array.dtype(), array.shape());
        ByteBuffer from = array.asByteBuffer();
        ByteBuffer to = result.asByteBuffer();
        for (int index = 0; index < 2 * array.size(); index += 2) {
            double re = real(kind, from, index);
            double im = real(kind, from, index + 1);
            putReal(kind, to, index, real.of(re, im));
            putReal(kind, to, index + 1, imaginary.of(re, im));
        }
        return result;
    }

    // -- elements

    /** The kind of the numbers that an array is made of: of complex ones that of their parts. */
    private static DType.Kind partOf(NdArray array) {
        return switch (array.dtype().kind()) {
            case COMPLEX64 -> DType.Kind.FLOAT32;
            case COMPLEX128 -> DType.Kind.FLOAT64;
            case DATETIME64, BYTES, UNICODE, STRING -> throw Arithmetic.notAddable(array, array);
            default -> array.dtype().kind();
        };
    }

    private static boolean isComplex(NdArray array) {
        return array.dtype().kind() == DType.Kind.COMPLEX64 || array.dtype().kind() == DType.Kind.COMPLEX128;
    }

    private static boolean isReal(DType.Kind kind) {
        return kind == DType.Kind.FLOAT32 || kind == DType.Kind.FLOAT64;
    }

    private static int width(DType.Kind kind) {
        return switch (kind) {
            case BOOL, INT8, UINT8 -> 1;
            case INT16, UINT16 -> 2;
            case INT32, UINT32, FLOAT32 -> 4;
            default -> 8;
        };
    }

    private static double real(DType.Kind kind, ByteBuffer from, int index) {
        return kind == DType.Kind.FLOAT32 ? from.getFloat(4 * index) : from.getDouble(8 * index);
    }

    private static void putReal(DType.Kind kind, ByteBuffer to, int index, double value) {
        if (kind == DType.Kind.FLOAT32) {
            to.putFloat(4 * index, (float) value);
        } else {
            to.putDouble(8 * index, value);
        }
    }

    /** A number as the kind can hold it. */
    private static double rounded(DType.Kind kind, double value) {
        return kind == DType.Kind.FLOAT32 ? (float) value : value;
    }

    private static long whole(DType.Kind kind, ByteBuffer from, int index) {
        return switch (kind) {
            case INT8 -> from.get(index);
            case BOOL, UINT8 -> from.get(index) & 0xFF;
            case INT16 -> from.getShort(2 * index);
            case UINT16 -> from.getShort(2 * index) & 0xFFFF;
            case INT32 -> from.getInt(4 * index);
            case UINT32 -> from.getInt(4 * index) & 0xFFFF_FFFFL;
            default -> from.getLong(8 * index);
        };
    }

    private static void putWhole(DType.Kind kind, ByteBuffer to, int index, long value) {
        switch (width(kind)) {
            case 1 -> to.put(index, (byte) value);
            case 2 -> to.putShort(2 * index, (short) value);
            case 4 -> to.putInt(4 * index, (int) value);
            default -> to.putLong(8 * index, value);
        }
    }

    private static double unsigned(long value) {
        // The lowest bit is kept in sight of the rounding.
        return value >= 0 ? value : 2.0 * (value >>> 1 | value & 1);
    }
}
