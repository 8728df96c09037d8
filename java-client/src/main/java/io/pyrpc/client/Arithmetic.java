package io.pyrpc.client;

import io.pyrpc.NdArray;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.errors.Detail;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;

/**
 * The sums and means of a reduction, bit for bit as NumPy and Python have them: of arrays, numbers, and lists and maps
 * of them.
 */
final class Arithmetic {
    private static final String EXPECTED =
            "arrays, numbers, and lists or dicts of them, the same from every chunk";
    private static final String HELP = "pass ReduceOp.of(function) to combine them in another way";

    private Arithmetic() {}

    /** The sum of two values of the same structure. */
    static Object add(Object left, Object right) {
        return tree(Arithmetic::addOne, left, right);
    }

    /** A value as many times as its leaf has rows, in a dtype wide enough for sums over all rows. */
    static Object times(Object value, long rows) {
        return tree((one, same) -> timesOne(one, rows), value, value);
    }

    /**
     * A sum over all rows as a mean.
     *
     * @param first the first value as it came: means of floats of 16 bits have its dtype
     */
    static Object over(Object value, Object first, long rows) {
        return tree((one, like) -> overOne(one, like, rows), value, first);
    }

    private static Object tree(BinaryOperator<Object> combine, Object left, Object right) {
        if (left instanceof Map<?, ?> l && right instanceof Map<?, ?> r && l.keySet().equals(r.keySet())) {
            Map<Object, Object> combined = new LinkedHashMap<>();
            l.forEach((key, value) -> combined.put(key, tree(combine, value, r.get(key))));
            return combined;
        }
        if (left instanceof List<?> l && right instanceof List<?> r && l.size() == r.size()) {
            List<Object> combined = new ArrayList<>();
            for (int index = 0; index < l.size(); index++) {
                combined.add(tree(combine, l.get(index), r.get(index)));
            }
            return combined;
        }
        if (left instanceof NdArray l && right instanceof NdArray r && !Arrays.equals(l.shape(), r.shape())) {
            throw new BadResultException(
                    "the chunks gave arrays of different shapes, which cannot be added",
                    Detail.mismatch(Arrays.toString(l.shape()), Arrays.toString(r.shape()))
                            .withHelp("a stage for reduce gives arrays whose shape does not depend on the number of"
                                    + " rows"));
        }
        return combine.apply(left, right);
    }

    static ArgumentException notAddable(Object left, Object right) {
        Detail detail = Detail.mismatch(EXPECTED, kind(left) + " and " + kind(right)).withHelp(HELP);
        return new ArgumentException("values that cannot be added", detail);
    }

    private static String kind(Object value) {
        return value instanceof NdArray array ? "array of " + array.dtype() : SplitArguments.typeName(value);
    }

    // -- single numbers and arrays

    private static Object addOne(Object left, Object right) {
        if (left instanceof NdArray l && right instanceof NdArray r && l.dtype().equals(r.dtype())) {
            return ArrayArithmetic.add(l, r);
        }
        if (isWhole(left) && isWhole(right)) {
            return exactly(() -> Math.addExact(whole(left), whole(right)));
        }
        if (isNumber(left) && isNumber(right)) {
            return number(left) + number(right);
        }
        throw notAddable(left, right);
    }

    private static Object timesOne(Object value, long rows) {
        if (value instanceof NdArray array) {
            return ArrayArithmetic.times(ArrayArithmetic.widened(array), rows);
        }
        if (isWhole(value)) {
            return exactly(() -> Math.multiplyExact(whole(value), rows));
        }
        if (isNumber(value)) {
            return number(value) * rows;
        }
        throw notAddable(value, value);
    }

    private static Object overOne(Object value, Object first, long rows) {
        if (value instanceof NdArray array && first instanceof NdArray like) {
            return ArrayArithmetic.narrowed(ArrayArithmetic.over(array, rows), like.dtype());
        }
        if (isWhole(value)) {
            // Python divides whole numbers exactly and rounds once.
            return new BigDecimal(whole(value)).divide(new BigDecimal(rows), MathContext.DECIMAL128).doubleValue();
        }
        return number(value) / rows;
    }

    private interface Exact {
        long get();
    }

    private static Object exactly(Exact operation) {
        try {
            return operation.get();
        } catch (ArithmeticException overflow) {
            throw new ArgumentException(
                    "a sum of whole numbers is above 64 bits",
                    Detail.NONE.withGot(overflow.getMessage()).withHelp("let the stage give floats, or arrays"));
        }
    }

    private static boolean isWhole(Object value) {
        return value instanceof Long || value instanceof Boolean;
    }

    private static boolean isNumber(Object value) {
        return isWhole(value) || value instanceof Double;
    }

    private static long whole(Object value) {
        return value instanceof Boolean truth ? (truth ? 1 : 0) : (Long) value;
    }

    private static double number(Object value) {
        return value instanceof Double real ? real : whole(value);
    }
}
