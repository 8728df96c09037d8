package io.pyrpc.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.plan.Chunk;
import java.util.List;
import org.junit.jupiter.api.Test;

class RowsGatherTest {
    private static final Chunk FIRST = new Chunk(0, 0, 2);
    private static final Chunk SECOND = new Chunk(1, 2, 3);

    private final RowsGather gather = new RowsGather("stage", 3);

    /** The reply of an attempt is received; whether it went to its place in the result. */
    private boolean receive(Chunk chunk, long attemptId, float... values) {
        NdArray place = gather.lease(chunk, attemptId).place(DType.FLOAT32, new long[] {values.length});
        if (place != null) {
            place.asFloatBuffer().put(values);
        }
        return place != null;
    }

    private static NdArray floats(float... values) {
        return NdArray.of(values);
    }

    private float[] result() {
        return ((NdArray) gather.finish()).toFloatArray();
    }

    @Test
    void rowsLieInTheOrderOfTheInput() {
        gather.put(SECOND, 2, floats(3));
        gather.put(FIRST, 1, floats(1, 2));
        assertArrayEquals(new float[] {1, 2, 3}, result());
    }

    @Test
    void whatIsReceivedInItsPlaceIsNotCopied() {
        NdArray place = gather.lease(FIRST, 1).place(DType.FLOAT32, new long[] {2});
        place.asFloatBuffer().put(new float[] {1, 2});
        NdArray shown = (NdArray) gather.put(FIRST, 1, place);
        gather.release(FIRST, 1);
        gather.put(SECOND, 2, floats(3));
        place.asFloatBuffer().put(0, 7);
        assertEquals(7, shown.getFloat(0));
        assertArrayEquals(new float[] {7, 2, 3}, result());
    }

    @Test
    void twoAttemptsNeverGetTheSamePlace() {
        assertTrue(receive(FIRST, 1, 1, 2));
        assertFalse(receive(FIRST, 2, 1, 2));
        gather.release(FIRST, 1);
        assertTrue(receive(FIRST, 3, 1, 2));
    }

    @Test
    void aPlaceIsNotGivenForRowsThatAreDone() {
        gather.put(FIRST, 1, floats(1, 2));
        assertFalse(receive(FIRST, 2, 9, 9));
    }

    @Test
    void theWinnerWaitsUntilTheOwnerOfItsRowsHasLetGo() {
        assertTrue(receive(FIRST, 1, 9, 9));
        gather.put(FIRST, 2, floats(1, 2));
        gather.put(SECOND, 3, floats(3));
        assertFalse(gather.isSettled());
        gather.release(FIRST, 1);
        assertTrue(gather.isSettled());
        assertArrayEquals(new float[] {1, 2, 3}, result());
    }

    @Test
    void piecesOfAChunkMayWinOverIt() {
        assertTrue(receive(FIRST, 1, 9, 9));
        gather.put(new Chunk(2, 0, 1), 2, floats(1));
        gather.put(new Chunk(3, 1, 2), 3, floats(2));
        gather.put(SECOND, 4, floats(3));
        gather.release(FIRST, 1);
        assertArrayEquals(new float[] {1, 2, 3}, result());
    }

    @Test
    void nothingIsReturnedBeforeAllRowsAreThere() {
        gather.put(FIRST, 1, floats(1, 2));
        assertThrows(IllegalStateException.class, gather::finish);
        assertThrows(IllegalStateException.class, () -> gather.put(FIRST, 2, floats(1, 2)));
    }

    @Test
    void aTupleGivesAListOfArrays() {
        gather.put(FIRST, 1, List.of(floats(1, 2), NdArray.of(new long[] {4, 5})));
        gather.put(SECOND, 2, List.of(floats(3), NdArray.of(new long[] {6})));
        List<?> arrays = (List<?>) gather.finish();
        assertArrayEquals(new long[] {4, 5, 6}, ((NdArray) arrays.get(1)).toLongArray());
    }

    @Test
    void textOfAnyWidthIsJoined() {
        assertNull(gather.lease(FIRST, 1).place(DType.unicode(2), new long[] {2}));
        gather.put(SECOND, 2, NdArray.ofFixed(new String[] {"longer"}));
        gather.put(FIRST, 1, NdArray.ofFixed(new String[] {"a", "bc"}));
        NdArray joined = (NdArray) gather.finish();
        assertEquals(DType.unicode(6), joined.dtype());
        assertArrayEquals(new String[] {"a", "bc", "longer"}, joined.toStringArray());
    }

    @Test
    void timesKeepTheirUnit() {
        assertNotNull(gather.lease(FIRST, 1).place(DType.datetime64("ms"), new long[] {2}));
        gather.release(FIRST, 1);
        gather.put(FIRST, 1, NdArray.ofTimes(DType.datetime64("ms"), new long[] {1, 2}));
        BadResultException error = assertThrows(
                BadResultException.class,
                () -> gather.put(SECOND, 2, NdArray.ofTimes(DType.datetime64("s"), new long[] {3})));
        assertEquals("datetime64[s][n] for rows 2 to 3", error.got());
    }

    @Test
    void aWrongNumberOfRowsIsRefused() {
        BadResultException error = assertThrows(BadResultException.class, () -> gather.put(FIRST, 1, floats(1, 2, 3)));
        assertEquals("stage gave the wrong number of rows; expected arrays of 2 rows; got 3 rows", error.summary());
        assertThrows(BadResultException.class, () -> gather.put(FIRST, 1, null));
        assertThrows(BadResultException.class, () -> gather.put(FIRST, 1, 3L));
        assertThrows(BadResultException.class, () -> gather.put(FIRST, 1, List.of()));
    }

    @Test
    void chunksMustBeAlike() {
        gather.put(FIRST, 1, floats(1, 2));
        BadResultException dtype =
                assertThrows(BadResultException.class, () -> gather.put(SECOND, 2, NdArray.of(new double[] {3})));
        assertEquals("float32[n] as other chunks", dtype.expected());
        BadResultException form =
                assertThrows(BadResultException.class, () -> gather.put(SECOND, 2, List.of(floats(3))));
        assertEquals("an array as other chunks", form.expected());
        assertEquals("a tuple of 1", form.got());
    }

    @Test
    void aStreamIsJoinedInTheEnd() {
        RowsGather open = new RowsGather("stage", RowsGather.UNKNOWN);
        assertNull(open.lease(FIRST, 1));
        open.put(SECOND, 2, floats(3));
        open.put(FIRST, 1, floats(1, 2));
        assertThrows(IllegalStateException.class, open::finish);
        open.end(3);
        assertArrayEquals(new float[] {1, 2, 3}, ((NdArray) open.finish()).toFloatArray());
    }
}
