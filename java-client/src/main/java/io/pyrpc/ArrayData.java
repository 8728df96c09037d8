package io.pyrpc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Copies of Java's arrays as the memory of an array. */
final class ArrayData {
    private ArrayData() {}

    static ByteBuffer allocate(int count, int width) {
        int bytes = ArrayStrings.checkedSize((long) count * width);
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static ByteBuffer of(float[] values) {
        ByteBuffer data = allocate(values.length, 4);
        data.asFloatBuffer().put(values);
        return data;
    }

    static ByteBuffer of(double[] values) {
        ByteBuffer data = allocate(values.length, 8);
        data.asDoubleBuffer().put(values);
        return data;
    }

    static ByteBuffer of(int[] values) {
        ByteBuffer data = allocate(values.length, 4);
        data.asIntBuffer().put(values);
        return data;
    }

    static ByteBuffer of(long[] values) {
        ByteBuffer data = allocate(values.length, 8);
        data.asLongBuffer().put(values);
        return data;
    }

    static ByteBuffer of(short[] values) {
        ByteBuffer data = allocate(values.length, 2);
        data.asShortBuffer().put(values);
        return data;
    }

    static ByteBuffer of(boolean[] values) {
        ByteBuffer data = allocate(values.length, 1);
        for (int i = 0; i < values.length; i++) {
            data.put(i, (byte) (values[i] ? 1 : 0));
        }
        return data;
    }
}
