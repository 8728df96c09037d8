package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import org.junit.jupiter.api.Test;

class SplitMix64Test {
    @Test
    void thePublishedNumbersComeOut() {
        SplitMix64 prng = new SplitMix64(1234567);
        assertEquals(6457827717110365317L, prng.nextU64());
        assertEquals(3203168211198807973L, prng.nextU64());
        assertEquals(Long.parseUnsignedLong("9817491932198370423"), prng.nextU64());
    }

    @Test
    void belowTakesNumbersThatOnlyAnUnsignedOneHolds() {
        // A half of 2^64 and one: about every second draw is thrown away, and what is left is the number itself.
        long n = Long.MIN_VALUE + 1;
        SplitMix64 prng = new SplitMix64(7);
        for (int time = 0; time < 1000; time++) {
            assertTrue(Long.compareUnsigned(prng.below(n), n) < 0);
        }
    }

    @Test
    void belowOneDrawsOnce() {
        SplitMix64 one = new SplitMix64(5);
        SplitMix64 other = new SplitMix64(5);
        assertEquals(0, one.below(1));
        other.nextU64();
        assertEquals(other.nextU64(), one.nextU64());
    }

    @Test
    void belowRefusesWhatHasNoAnswer() {
        SplitMix64 prng = new SplitMix64(0);
        assertThrows(ConfigException.class, () -> prng.below(0));
        assertThrows(ConfigException.class, () -> prng.below(-1));
        assertThrows(ConfigException.class, () -> prng.below(0L));
    }
}
