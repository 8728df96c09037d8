package io.pyrpc.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.TooLargeException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ReceivePoolTest {
    private static final int MIB = 1 << 20;

    private static void mark(NdArray array, int value) {
        array.encoded().get(0).putInt(0, value);
    }

    private static int markOf(NdArray array) {
        return array.encoded().get(0).getInt(0);
    }

    @Test
    void memoryOfAClosedArrayIsUsedAgain() {
        ReceivePool pool = new ReceivePool(16 * MIB);
        try (NdArray first = pool.take(DType.UINT8, MIB)) {
            mark(first, 77);
            assertEquals(0, first.encoded().get(0).alignmentOffset(0, 64));
        }
        try (NdArray second = pool.take(DType.FLOAT32, MIB / 4)) {
            assertEquals(77, markOf(second));
            try (NdArray third = pool.take(DType.UINT8, MIB)) {
                assertEquals(0, markOf(third));
                assertFalse(third.sharesMemory(second));
            }
        }
        assertEquals(2 * MIB, pool.heldBytes());
        pool.clear();
        assertEquals(0, pool.heldBytes());
    }

    @Test
    void closedArrayGivesBackEvenWhatWasExposed() {
        ReceivePool pool = new ReceivePool(16 * MIB);
        try (NdArray first = pool.take(DType.UINT8, MIB)) {
            first.asByteBuffer().putInt(0, 78);
        }
        assertEquals(78, markOf(pool.take(DType.UINT8, MIB)));
    }

    @Test
    void beyondItsBytesThePoolLendsNothing() {
        ReceivePool pool = new ReceivePool(3 * MIB);
        NdArray[] held = new NdArray[5];
        for (int i = 0; i < held.length; i++) {
            held[i] = pool.take(DType.UINT8, MIB);
        }
        assertEquals(3 * MIB, pool.heldBytes());
        assertTrue(held[0].encoded().get(0).isDirect());
        assertFalse(held[4].encoded().get(0).isDirect());
        for (NdArray array : held) {
            array.close();
        }
        // Idle memory of another size makes room.
        assertTrue(pool.take(DType.UINT8, 2 * MIB).encoded().get(0).isDirect());
        assertEquals(3 * MIB, pool.heldBytes());
    }

    @Test
    void smallArraysAreOnTheHeap() {
        assertFalse(new ReceivePool(MIB).take(DType.UINT8, 1000).encoded().get(0).isDirect());
        assertThrows(TooLargeException.class, () -> new ReceivePool(MIB).take(DType.FLOAT64, 1L << 30));
        assertThrows(TooLargeException.class, () -> new ReceivePool(MIB).take(DType.UINT8, 1L << 40, 1L << 40));
        assertEquals(0, new ReceivePool(MIB).take(DType.UINT8, 1L << 40, 1L << 40, 0).size());
    }

    @Test
    void atMostAnEighthIsUnused() {
        for (int size = ReceivePool.POOLED_BYTES; size < 1 << 27; size += size / 7) {
            int capacity = ReceivePool.capacityFor(size);
            assertTrue(capacity >= size && capacity <= size + size / 8, size + " " + capacity);
            assertEquals(capacity, ReceivePool.capacityFor(capacity));
        }
    }

    @Test
    @Timeout(30)
    void memoryOfADroppedArrayIsFoundButNotWhileABufferOfItMayBeUsed() throws InterruptedException {
        ReceivePool pool = new ReceivePool(16 * MIB);
        pool.take(DType.UINT8, MIB);
        ByteBuffer kept = pool.take(DType.UINT8, 2 * MIB).asByteBuffer();
        kept.putInt(0, 79);
        // The first comes back to the pool; the pool forgets the second, which its buffer keeps.
        while (pool.heldBytes() != MIB) {
            System.gc();
            Thread.sleep(10);
        }
        assertTrue(pool.take(DType.UINT8, MIB).encoded().get(0).isDirect());
        assertEquals(MIB, pool.heldBytes());
        NdArray fresh = pool.take(DType.UINT8, 2 * MIB);
        mark(fresh, 80);
        assertEquals(79, kept.getInt(0));
    }

    @Test
    void memoryBeginsWithAPage() {
        ReceivePool pool = new ReceivePool(16 << 20);
        for (int size : new int[] {ReceivePool.POOLED_BYTES, 1 << 20, (1 << 20) + 1}) {
            ByteBuffer memory = pool.lend(size).buffer(size);
            assertEquals(0, memory.alignmentOffset(0, ReceivePool.ALIGNMENT));
            assertEquals(size, memory.capacity());
        }
    }
}
