package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HalfFloatTest {
    @Test
    void everyHalfSurvivesTheWayThroughFloat() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = HalfFloat.halfToFloat((short) bits);
            assertEquals((short) bits, HalfFloat.floatToHalf(value), () -> "half");
            float wide = HalfFloat.bfloatToFloat((short) bits);
            assertEquals((short) bits, HalfFloat.floatToBfloat(wide), () -> "bfloat16");
        }
    }

    @Test
    void betweenTwoHalvesTheNearerOneIsTakenAndTheEvenOneOfATie() {
        for (int bits = 0; bits < 0x7c00; bits++) {
            float low = HalfFloat.halfToFloat((short) bits);
            // Above the largest the next would be 65536, which is infinite.
            float high = bits == 0x7bff ? 65536f : HalfFloat.halfToFloat((short) (bits + 1));
            float middle = low + (high - low) / 2;
            int even = (bits & 1) == 0 ? bits : bits + 1;
            assertEquals((short) even, HalfFloat.floatToHalf(middle));
            assertEquals((short) bits, HalfFloat.floatToHalf(Math.nextDown(middle)));
            assertEquals((short) (bits + 1), HalfFloat.floatToHalf(Math.nextUp(middle)));
            assertEquals((short) (even | 0x8000), HalfFloat.floatToHalf(-middle));
        }
    }

    @Test
    void bfloatIsRoundedToNearestTiesToEven() {
        for (int bits = 0; bits < 0x7f80; bits++) {
            int middle = bits << 16 | 0x8000;
            int even = (bits & 1) == 0 ? bits : bits + 1;
            assertEquals((short) even, HalfFloat.floatToBfloat(Float.intBitsToFloat(middle)));
            assertEquals((short) bits, HalfFloat.floatToBfloat(Float.intBitsToFloat(middle - 1)));
            assertEquals((short) (bits + 1), HalfFloat.floatToBfloat(Float.intBitsToFloat(middle + 1)));
        }
    }

    @Test
    void whatIsTooLargeIsInfiniteAndNaNStaysNaN() {
        assertEquals((short) 0x7c00, HalfFloat.floatToHalf(Float.MAX_VALUE));
        assertEquals((short) 0xfc00, HalfFloat.floatToHalf(Float.NEGATIVE_INFINITY));
        assertEquals((short) 0x7bff, HalfFloat.floatToHalf(65519f));
        for (int payload : new int[] {1, 0x1fff, 0x2000, 0x400000, 0x7fffff}) {
            float nan = Float.intBitsToFloat(0x7f800000 | payload);
            assertTrue(Float.isNaN(HalfFloat.halfToFloat(HalfFloat.floatToHalf(nan))));
            assertTrue(Float.isNaN(HalfFloat.bfloatToFloat(HalfFloat.floatToBfloat(nan))));
        }
        assertEquals((short) 0x8000, HalfFloat.floatToHalf(-0f));
        assertEquals((short) 0x8000, HalfFloat.floatToHalf(-1e-30f));
    }
}
