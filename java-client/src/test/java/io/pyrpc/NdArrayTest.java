package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.TooLargeException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class NdArrayTest {
    private static final NdArray SIX = NdArray.of(new int[] {0, 1, 2, 3, 4, 5}, 3, 2);

    @Test
    void arrayTellsWhatItIs() {
        assertEquals(DType.INT32, SIX.dtype());
        assertArrayEquals(new long[] {3, 2}, SIX.shape());
        assertEquals(2, SIX.rank());
        assertEquals(6, SIX.size());
        assertEquals(3, SIX.rowCount());
        assertEquals(24, SIX.byteSize());
        SIX.shape()[0] = 99;
        assertEquals(3, SIX.rowCount());
    }

    @Test
    void rowsGetAndReshapeAreViews() {
        NdArray array = NdArray.zeros(DType.INT32, 4, 3);
        NdArray rows = array.rows(1, 3);
        rows.asIntBuffer().put(4, 7);
        assertEquals(7, array.getInt(2, 1));
        assertEquals(7, array.get(2).getInt(1));
        assertEquals(7, array.get(2).get(1).getInt());
        assertEquals(7, array.reshape(12).getInt(7));
        assertTrue(rows.sharesMemory(array));
        assertEquals(0, array.rows(4, 4).size());
        assertFalse(array.copy().sharesMemory(array));
        assertEquals(array, array.copy());
        assertEquals(rows, rows.copy());
    }

    @Test
    void textsAreSlicedAndSentLikeArraysOfTheirOwn() {
        NdArray texts = NdArray.of(new String[] {"a", "bc", "", "é"});
        NdArray part = texts.rows(1, 4);
        assertArrayEquals(new String[] {"bc", "", "é"}, part.toStringArray());
        assertEquals(NdArray.of(new String[] {"bc", "", "é"}), part);
        assertEquals(part.hashCode(), part.copy().hashCode());
        assertEquals("bc", texts.get(1).getString());
        assertEquals(4 * 8 + 4, part.byteSize());
        assertEquals(texts, NdArray.concat(List.of(texts.rows(0, 1), part)));
    }

    @Test
    void indicesThatAreNotThereAreRefused() {
        assertThrows(ArgumentException.class, () -> SIX.get(3));
        assertThrows(ArgumentException.class, () -> SIX.get(-1));
        assertThrows(ArgumentException.class, () -> SIX.rows(2, 1));
        assertThrows(ArgumentException.class, () -> SIX.rows(0, 4));
        assertThrows(ArgumentException.class, () -> SIX.getInt(0));
        assertThrows(ArgumentException.class, () -> SIX.getInt(0, 2));
        assertThrows(ArgumentException.class, () -> SIX.reshape(5));
        assertThrows(ArgumentException.class, () -> SIX.reshape(-6));
        assertThrows(ArgumentException.class, () -> SIX.reshape().rowCount());
    }

    @Test
    void dataThatDoesNotFitIsRefused() {
        assertThrows(ArgumentException.class, () -> NdArray.of(new int[5], 2, 3));
        assertThrows(ArgumentException.class, () -> NdArray.of(new int[5], 1L << 32, 1L << 32));
        assertThrows(ArgumentException.class, () -> NdArray.wrap(DType.INT64, new long[] {2}, ByteBuffer.allocate(15)));
        assertThrows(ArgumentException.class, () -> NdArray.ofComplex(new float[3]));
        assertThrows(ArgumentException.class, () -> NdArray.of(new String[] {null}));
        assertThrows(ArgumentException.class, () -> NdArray.of(new String[] {"\uD800"}));
        assertThrows(ArgumentException.class, () -> NdArray.ofTimes(DType.INT64, new long[1]));
        assertThrows(TooLargeException.class, () -> NdArray.zeros(DType.FLOAT64, 1L << 40));
    }

    @Test
    void anotherDtypeThanAskedForIsRefusedByName() {
        ArgumentException error = assertThrows(ArgumentException.class, SIX::toFloatArray);
        assertTrue(error.getMessage().contains("int32") && error.getMessage().contains("float32"));
        assertThrows(ArgumentException.class, () -> SIX.getFloat(0, 0));
        assertThrows(ArgumentException.class, SIX::asLongBuffer);
        assertThrows(ArgumentException.class, () -> NdArray.of(new String[] {"x"}).asByteBuffer());
    }

    @Test
    void numbersComeOutAsTheyWent() {
        assertArrayEquals(new double[] {1, -0.0}, NdArray.of(new double[] {1, -0.0}).toDoubleArray());
        assertArrayEquals(new boolean[] {true, false}, NdArray.of(new boolean[] {true, false}).toBooleanArray());
        assertArrayEquals(new byte[] {1, -1}, NdArray.ofUnsigned(new byte[] {1, -1}).toByteArray());
        assertEquals(255, NdArray.ofUnsigned(new byte[] {-1}).getInt(0));
        assertEquals(65535, NdArray.ofUnsigned(new short[] {-1}).getInt(0));
        assertEquals(4294967295L, NdArray.ofUnsigned(new int[] {-1}).getLong(0));
        assertThrows(ArithmeticException.class, () -> NdArray.ofUnsigned(new int[] {-1}).getInt(0));
        assertArrayEquals(new float[] {1, 2}, NdArray.ofComplex(new float[] {1, 2}).toFloatArray());
        assertArrayEquals(new String[] {"ab", "c\0d"}, NdArray.ofFixed(new String[] {"ab", "c\0d"}).toStringArray());
        assertArrayEquals(
                new String[] {"a", "bc"}, NdArray.ofFixed(new byte[][] {{'a'}, {'b', 'c'}}).toStringArray());
    }

    @Test
    void equalityIsByBits() {
        assertEquals(NdArray.of(new float[] {Float.NaN}), NdArray.of(new float[] {Float.NaN}));
        assertNotEquals(NdArray.of(new float[] {0f}), NdArray.of(new float[] {-0f}));
        assertNotEquals(NdArray.of(new int[] {1}), NdArray.of(new int[] {1}, 1, 1));
        assertNotEquals(NdArray.of(new int[] {1}), NdArray.ofUnsigned(new int[] {1}));
        assertEquals(SIX.rows(1, 2).hashCode(), NdArray.of(new int[] {2, 3}, 1, 2).hashCode());
    }

    @Test
    void rowsArePutTogether() {
        assertEquals(SIX, NdArray.concat(List.of(SIX.rows(0, 1), SIX.rows(1, 1), SIX.rows(1, 3))));
        NdArray narrow = NdArray.ofFixed(new String[] {"a"});
        NdArray wide = NdArray.ofFixed(new String[] {"bcd"});
        assertArrayEquals(new String[] {"a", "bcd"}, NdArray.concat(List.of(narrow, wide)).toStringArray());
        assertThrows(ArgumentException.class, () -> NdArray.concat(List.of()));
        assertThrows(ArgumentException.class, () -> NdArray.concat(List.of(SIX, SIX.reshape(6))));
        assertThrows(ArgumentException.class, () -> NdArray.concat(List.of(narrow, SIX)));
    }

    @Test
    void closedArrayAndItsViewsAreNotToBeUsedAndTheLenderIsToldOnce() {
        AtomicInteger released = new AtomicInteger();
        AtomicInteger exposed = new AtomicInteger();
        ArrayMemory memory = new ArrayMemory() {
            @Override
            public void release() {
                released.incrementAndGet();
            }

            @Override
            public void expose() {
                exposed.incrementAndGet();
            }
        };
        NdArray array = NdArray.wrap(DType.INT32, new long[] {2}, ByteBuffer.allocate(8), memory);
        NdArray view = array.rows(0, 1);
        assertEquals(0, view.getInt(0));
        assertEquals(0, exposed.get());
        view.asIntBuffer();
        assertEquals(1, exposed.get());
        view.close();
        array.reshape(2, 1).close();
        assertEquals(0, released.get(), "whoever has the rest still needs the memory");
        assertEquals(0, view.getInt(0));
        array.close();
        array.close();
        view.close();
        assertEquals(1, released.get());
        assertThrows(IllegalStateException.class, () -> view.getInt(0));
        assertThrows(IllegalStateException.class, array::toIntArray);
        assertThrows(IllegalStateException.class, array::encoded);
        assertThrows(IllegalStateException.class, array::hashCode);
        assertEquals(2, array.size());
    }

    @Test
    void textIsLikeNumPys() {
        assertEquals("array([[0, 1],\n       [2, 3],\n       [4, 5]], dtype=int32)", SIX.toString());
        assertEquals("array(1.5, dtype=float64)", NdArray.of(new double[] {1.5}).reshape().toString());
        assertEquals("array([], dtype=float32)", NdArray.of(new float[0]).toString());
        assertEquals("array([], shape=(0, 3), dtype=float32)", NdArray.zeros(DType.FLOAT32, 0, 3).toString());
        assertEquals("array([ 1, 10], dtype=int8)", NdArray.of(new byte[] {1, 10}).toString());
        assertEquals("array(['a', 'it\\'s'], dtype=string)", NdArray.of(new String[] {"a", "it's"}).toString());
        assertEquals("array([1.0+2.0j, 0.0-0.0j], dtype=complex64)",
                NdArray.ofComplex(new float[] {1, 2, 0, -0f}).toString());
        assertEquals("array([NaT], dtype=datetime64[s])",
                NdArray.ofTimes(DType.datetime64("s"), new long[] {Long.MIN_VALUE}).toString());
        assertEquals("array([0, 0, 0, ..., 0, 0, 0], shape=(1001,), dtype=uint8)",
                NdArray.zeros(DType.UINT8, 1001).toString());
        assertTrue(NdArray.zeros(DType.UINT8, 100_000, 1000).toString().length() < 500);
    }

    @Test
    void dtypesAreToldByNumPysNames() {
        assertEquals("datetime64[25s]", DType.datetime64("25s").toString());
        assertEquals("timedelta64", DType.timedelta64("generic").toString());
        assertEquals(DType.datetime64("s"), DType.datetime64("1s"));
        assertEquals("S3", DType.bytes(3).toString());
        assertEquals("U2", DType.unicode(2).toString());
        assertEquals(8, DType.unicode(2).itemsize());
        assertNotEquals(DType.datetime64("s"), DType.datetime64("ms"));
        for (String bad : List.of("", "x", "0s", "-1s", "1", "1.5s", "99999999999s", "nss", "generic2", "Y,", ",")) {
            assertThrows(ArgumentException.class, () -> DType.datetime64(bad), bad);
        }
    }
}
