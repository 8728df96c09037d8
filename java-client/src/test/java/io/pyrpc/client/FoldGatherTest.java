package io.pyrpc.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.ReduceOp;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.plan.Chunk;
import io.pyrpc.wire.ReceivePool;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FoldGatherTest {
    /** Each value is that of a leaf of two rows; the last one arrives first. */
    private static Object folded(ReduceOp op, Object... values) {
        FoldGather gather = new FoldGather(op, 2L * values.length);
        for (int index = values.length - 1; index >= 0; index--) {
            gather.put(new Chunk(index, 2L * index, 2L * index + 2), index, values[index]);
        }
        return gather.finish();
    }

    @Test
    void valuesAreFoldedInTheOrderOfTheirRowsWhateverOrderTheyArriveIn() {
        assertEquals("abcd", folded(ReduceOp.of((left, right) -> left + "" + right), "a", "b", "c", "d"));
    }

    @Test
    void numbersAreAddedAsPythonAddsThem() {
        assertEquals(6L, folded(ReduceOp.sum(), 1L, 2L, 3L));
        assertEquals(2L, folded(ReduceOp.sum(), true, true));
        assertEquals(3.5, folded(ReduceOp.sum(), 1L, 2.5));
        assertEquals(0.1 + 0.2 + 0.3, folded(ReduceOp.sum(), 0.1, 0.2, 0.3));
        assertEquals(2.0, folded(ReduceOp.mean(), 1L, 2L, 3L));
    }

    @Test
    void whatAUserIsShownOfALeafMayBeClosed() {
        NdArray leaf = ReceivePool.SHARED.take(DType.INT64, 1 << 16);
        FoldGather gather = new FoldGather(ReduceOp.sum(), 4);
        Object shown = gather.put(new Chunk(0, 0, 2), 0, List.of(Map.of("sum", leaf)));
        ((NdArray) ((Map<?, ?>) ((List<?>) shown).get(0)).get("sum")).close();
        assertEquals(1 << 16, leaf.toLongArray().length, "the fold still needs it");
        leaf.close();
    }

    @Test
    void aSumAbove64BitsIsRefused() {
        assertThrows(ArgumentException.class, () -> folded(ReduceOp.sum(), Long.MAX_VALUE, 1L));
    }

    @Test
    void listsAndMapsAreFoldedItemByItem() {
        Object one = Map.of("sum", NdArray.of(new float[] {1, 2}), "counts", List.of(1L, 2L));
        Map<?, ?> sum = (Map<?, ?>) folded(ReduceOp.sum(), one, one, one);
        assertArrayEquals(new float[] {3, 6}, ((NdArray) sum.get("sum")).toFloatArray());
        assertEquals(List.of(3L, 6L), sum.get("counts"));
    }

    @Test
    void smallWholeNumbersWrapAround() {
        NdArray signed = NdArray.of(new byte[] {100});
        assertEquals(-56, ((NdArray) folded(ReduceOp.sum(), signed, signed)).getLong(0));
        NdArray unsigned = NdArray.ofUnsigned(new byte[] {(byte) 200});
        assertEquals(144, ((NdArray) folded(ReduceOp.sum(), unsigned, unsigned)).getLong(0));
    }

    @Test
    void truthsAreOredAndCountedInAMean() {
        NdArray truths = NdArray.of(new boolean[] {true, false});
        assertArrayEquals(
                new boolean[] {true, false}, ((NdArray) folded(ReduceOp.sum(), truths, truths)).toBooleanArray());
        assertArrayEquals(new double[] {1, 0}, ((NdArray) folded(ReduceOp.mean(), truths, truths)).toDoubleArray());
    }

    @Test
    void halvesAreRoundedAfterEachStep() {
        NdArray one = NdArray.ofHalf(new float[] {1});
        NdArray sum = (NdArray) folded(ReduceOp.sum(), NdArray.ofHalf(new float[] {2048}), one, one);
        assertEquals(DType.FLOAT16, sum.dtype());
        assertEquals(2048f, sum.getFloat(0));
    }

    @Test
    void aSingleValueStaysOne() {
        NdArray single = NdArray.of(new double[] {1.5}).reshape();
        NdArray mean = (NdArray) folded(ReduceOp.mean(), single, single);
        assertEquals(0, mean.rank());
        assertEquals(1.5, mean.getDouble());
    }

    @Test
    void complexNumbersAreDividedInBothParts() {
        NdArray one = NdArray.ofComplex(new float[] {3, -6});
        assertArrayEquals(new float[] {3, -6}, ((NdArray) folded(ReduceOp.mean(), one, one, one)).toFloatArray());
    }

    @Test
    void whatCannotBeAddedIsRefused() {
        NdArray two = NdArray.of(new float[] {1, 2});
        assertThrows(BadResultException.class, () -> folded(ReduceOp.sum(), two, NdArray.of(new float[] {1})));
        assertThrows(ArgumentException.class, () -> folded(ReduceOp.sum(), "a", "b"));
        assertThrows(ArgumentException.class, () -> folded(ReduceOp.sum(), two, 1.0));
        assertThrows(ArgumentException.class, () -> folded(ReduceOp.sum(), List.of(1L), List.of(1L, 2L)));
    }

    @Test
    void aMeanMayBeNearTheEndOfItsDtype() {
        NdArray small = NdArray.of(new byte[] {127});
        assertArrayEquals(new double[] {127}, ((NdArray) folded(ReduceOp.mean(), small, small)).toDoubleArray());
        NdArray half = NdArray.ofHalf(new float[] {60000});
        NdArray mean = (NdArray) folded(ReduceOp.mean(), half, half);
        assertEquals(half, mean);
    }

    @Test
    void nothingIsReturnedBeforeAllRowsAreThere() {
        FoldGather gather = new FoldGather(ReduceOp.sum(), 4);
        gather.put(new Chunk(1, 2, 4), 1, 1L);
        assertFalse(gather.isSettled());
        assertThrows(IllegalStateException.class, gather::finish);
        gather.put(new Chunk(0, 0, 2), 2, 1L);
        assertTrue(gather.isSettled());
        assertEquals(2L, gather.finish());
    }
}
