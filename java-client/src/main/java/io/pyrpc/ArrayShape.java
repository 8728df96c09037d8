package io.pyrpc;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;

/** The sizes of an array's dims. */
final class ArrayShape {
    private ArrayShape() {}

    static String text(long[] shape) {
        StringBuilder text = new StringBuilder("(");
        for (int i = 0; i < shape.length; i++) {
            text.append(i == 0 ? "" : ", ").append(shape[i]);
        }
        return text.append(shape.length == 1 ? ",)" : ")").toString();
    }

    static long[] orRow(int count, long[] shape) {
        return shape.length == 0 ? new long[] {count} : shape;
    }

    static int pairs(int parts) {
        if (parts % 2 != 0) {
            throw new ArgumentException(
                    "half a complex number", Detail.mismatch("real and imaginary parts in turn", parts + " numbers"));
        }
        return parts / 2;
    }

    static long[] checked(long[] shape) {
        for (long length : shape) {
            if (length < 0) {
                throw new ArgumentException(
                        "a negative size in a shape", Detail.NONE.withGot(text(shape)));
            }
        }
        return shape;
    }

    static long count(long[] shape) {
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

    static long bytes(long size, DType dtype) {
        return dtype.itemsize() != 0 && size > Long.MAX_VALUE / 16 ? Long.MAX_VALUE : size * dtype.itemsize();
    }

    /** Number of an element in row-major order. */
    static long flat(long[] shape, long[] index) {
        if (index.length != shape.length) {
            throw new ArgumentException(
                    "wrong number of indices",
                    Detail.mismatch(Integer.toString(shape.length), Integer.toString(index.length)));
        }
        long flat = 0;
        for (int axis = 0; axis < index.length; axis++) {
            checkIndex(shape, index[axis], axis);
            flat = flat * shape[axis] + index[axis];
        }
        return flat;
    }

    static void checkIndex(long[] shape, long index, int axis) {
        if (index < 0 || index >= shape[axis]) {
            throw new ArgumentException(
                    "no such index", Detail.mismatch("0 to " + (shape[axis] - 1), index + " in axis " + axis));
        }
    }
}
