package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;

/**
 * The one source of chance in plan: SplitMix64, a stream of numbers that its seed decides, the same in every language.
 *
 * <p>{@code thrift/SPEC.md} ("The random numbers") is the specification. Source: Steele, Lea, Flood, "Fast Splittable
 * Pseudorandom Number Generators", OOPSLA 2014; constants as in Vigna's splitmix64.c. Not for secrets.
 *
 * <p>Not thread-safe: two threads would get the same number.
 */
public final class SplitMix64 {
    private long state;

    /** Begins with a seed: any 64 bits. */
    public SplitMix64(long seed) {
        state = seed;
    }

    /** The next number: 64 bits, to be read as unsigned. */
    public long nextU64() {
        state += 0x9E3779B97F4A7C15L;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /**
     * A number from 0 to n - 1, each as likely as any other.
     *
     * @param n at least 1
     * @throws ConfigException n is below 1
     */
    public int below(int n) {
        if (n < 1) {
            throw outOfRange(n);
        }
        return (int) below((long) n);
    }

    /**
     * A number from 0 to n - 1, each as likely as any other; both are to be read as unsigned.
     *
     * @param n 1 to 2^64 - 1
     * @throws ConfigException n is 0
     */
    public long below(long n) {
        if (n == 0) {
            throw outOfRange(n);
        }
        // 2^64 mod n, since 2^64 - n is the same number of 64 bits as -n.
        long left = Long.remainderUnsigned(-n, n);
        long x = nextU64();
        while (left != 0 && Long.compareUnsigned(x, -left) >= 0) {
            x = nextU64();
        }
        return Long.remainderUnsigned(x, n);
    }

    /** A double 0 &lt;= u &lt; 1 with 53 random bits. */
    public double uniform() {
        return (nextU64() >>> 11) * 0x1p-53;
    }

    private static ConfigException outOfRange(long n) {
        return new ConfigException("n is out of range", Detail.mismatch("1 to 2^64 - 1", Long.toString(n)));
    }
}
