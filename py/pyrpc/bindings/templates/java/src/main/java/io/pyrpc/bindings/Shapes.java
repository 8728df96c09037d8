// Shapes, and how many elements they have.
package io.pyrpc.bindings;

import java.util.Arrays;

/** Shapes, and how many elements they have. */
final class Shapes {
    // 16 bytes, the widest element, times as many are still a long.
    private static final long MAX_ELEMENTS = Long.MAX_VALUE / 16;

    private Shapes() {}

    /** How many elements a shape has. */
    static long count(long[] shape) {
        long count = 1;
        for (long dim : shape) {
            if (dim < 0) {
                throw new IllegalArgumentException("the shape " + Arrays.toString(shape) + " has a negative dimension");
            }
            if (dim != 0 && count > MAX_ELEMENTS / dim) {
                throw new IllegalArgumentException("the shape " + Arrays.toString(shape) + " has too many elements");
            }
            count *= dim;
        }
        return count;
    }

    /** Refuses another number of elements than that of the shape. */
    static void check(long[] shape, long count) {
        long expected = count(shape);
        if (expected != count) {
            throw new IllegalArgumentException("the shape " + Arrays.toString(shape) + " has " + expected
                    + " elements, and there are " + count);
        }
    }
}
