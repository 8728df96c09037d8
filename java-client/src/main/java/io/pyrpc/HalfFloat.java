package io.pyrpc;

/**
 * Conversions between float and the two formats of 16 bits, which Java carries as short.
 *
 * <p>To 16 bits it is rounded to nearest, ties to even, as IEEE 754 and NumPy do. A NaN stays one: its sign and the
 * upper bits of its payload are kept.
 */
final class HalfFloat {
    private HalfFloat() {}

    /** IEEE 754 binary16 to binary32; exact. */
    static float halfToFloat(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = half >>> 10 & 0x1f;
        int fraction = half & 0x3ff;
        if (exponent == 0) {
            // Zero, or a denormal: fraction x 2^-24, which a float has exactly.
            float value = fraction * 0x1p-24f;
            return sign == 0 ? value : -value;
        }
        // Infinity and NaN keep an exponent of ones; for the others the bias goes from 15 to 127.
        int wide = exponent == 0x1f ? 0xff : exponent + 112;
        return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
    }

    /** binary32 to binary16; too large ones become infinite. */
    static short floatToHalf(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude > 0x7f800000) {
            int payload = magnitude >>> 13 & 0x3ff;
            // A payload whose upper bits are all zero would read as infinity.
            return (short) (sign | 0x7c00 | (payload == 0 ? 1 : payload));
        }
        if (magnitude >= 0x47800000) {
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x38800000) {
            // A denormal, or zero: how many of the smallest, 2^-24, it is. Math.rint rounds ties to even.
            return (short) (sign | (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p24));
        }
        int rounded = magnitude + 0xfff + (magnitude >>> 13 & 1);
        // Rounding up the largest exponent carries into infinity, as it should.
        return (short) (sign | (rounded - 0x38000000 >>> 13));
    }

    /** bfloat16 to binary32; exact. */
    static float bfloatToFloat(short bfloat) {
        return Float.intBitsToFloat(bfloat << 16);
    }

    /** binary32 to bfloat16. */
    static short floatToBfloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fffffff) > 0x7f800000) {
            int upper = bits >>> 16;
            return (short) ((upper & 0x7f) == 0 ? upper | 1 : upper);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    static short[] toHalfs(float[] values) {
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = floatToHalf(values[i]);
        }
        return bits;
    }

    static short[] toBfloats(float[] values) {
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = floatToBfloat(values[i]);
        }
        return bits;
    }
}
