package io.pyrpc.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** The numbers of all arrays: any index gives the same one again, so that nothing needs to be kept for a comparison. */
final class Numbers {
    private Numbers() {}

    static float at(int index) {
        // The low bits of a product with an odd number: all bits of the mantissa vary.
        return (index * 0x9E3779B1 >>> 8) / (float) (1 << 24);
    }

    static void fill(ByteBuffer bytes) {
        FloatBuffer floats = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        for (int i = 0; i < floats.capacity(); i++) {
            floats.put(i, at(i));
        }
    }

    /** Whether these are the numbers times a factor, bit for bit, and as many. */
    static boolean are(ByteBuffer bytes, int elements, float factor) {
        if (bytes.remaining() != 4L * elements) {
            return false;
        }
        FloatBuffer floats = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        for (int i = 0; i < elements; i++) {
            if (Float.floatToRawIntBits(floats.get(i)) != Float.floatToRawIntBits(at(i) * factor)) {
                return false;
            }
        }
        return true;
    }
}
