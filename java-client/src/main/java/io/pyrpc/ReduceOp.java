package io.pyrpc;

import java.util.Objects;
import java.util.function.BinaryOperator;

/**
 * How the values of a reduction's leaves are folded into one: ((c0 + c1) + c2) + ... in the order of the rows.
 *
 * <p>Arrays, numbers, and lists and maps of them can be added and averaged.
 */
public final class ReduceOp {
    private static final ReduceOp SUM = new ReduceOp("sum", null);
    private static final ReduceOp MEAN = new ReduceOp("mean", null);

    private final String name;
    private final BinaryOperator<Object> function;

    private ReduceOp(String name, BinaryOperator<Object> function) {
        this.name = name;
        this.function = function;
    }

    /** The sum. */
    public static ReduceOp sum() {
        return SUM;
    }

    /** The mean, in which each leaf's value weighs as much as it has rows. */
    public static ReduceOp mean() {
        return MEAN;
    }

    /**
     * A function of (what was folded so far, the next value). It is called by one thread at a time, not always the
     * same, and must change neither value.
     */
    public static ReduceOp of(BinaryOperator<Object> function) {
        return new ReduceOp("custom", Objects.requireNonNull(function, "function"));
    }

    /** Whether it is the mean. */
    public boolean isMean() {
        return this == MEAN;
    }

    /** The function; null for the sum and the mean. */
    public BinaryOperator<Object> function() {
        return function;
    }

    @Override
    public String toString() {
        return name;
    }
}
