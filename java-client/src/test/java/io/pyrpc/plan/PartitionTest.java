package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** How rows are cut: nothing lost, nothing twice, sizes within their limits. */
class PartitionTest {
    private static List<Long> sizes(List<Chunk> chunks) {
        return chunks.stream().map(Chunk::rows).toList();
    }

    @Test
    void everyRowIsInOneChunkAndNoLimitIsPassed() {
        SplitMix64 chance = new SplitMix64(7);
        for (int round = 0; round < 2000; round++) {
            long rows = chance.below(3000);
            long rowBytes = chance.below(1_000_000);
            Long chunkRows = chance.below(2) == 0 ? null : Long.valueOf(1 + chance.below(5000));
            Long chunkBytes = chance.below(2) == 0 ? null : Long.valueOf(1 + chance.below(100_000_000));
            long most = 1 + chance.below(100_000_000);
            List<Chunk> chunks = Partition.planChunks(
                    rows, rowBytes, 1 + chance.below(50), chunkRows, chunkBytes, most, Partition.CHUNKS_PER_NODE);
            long stop = 0;
            for (Chunk chunk : chunks) {
                assertEquals(stop, chunk.start());
                stop = chunk.stop();
                assertTrue(chunk.rows() == 1 || chunk.rows() > 0 && chunk.rows() * rowBytes <= most, "round " + round);
                assertTrue(chunkRows == null || chunk.rows() <= chunkRows, "round " + round);
            }
            assertEquals(rows, stop);
        }
    }

    @Test
    void chunkRowsIsKeptToTheRowAndWinsOverChunkBytes() {
        assertEquals(List.of(100L, 100L, 50L), sizes(Partition.planChunks(250, 4, 2, 100L, null)));
        assertEquals(List.of(50L, 50L), sizes(Partition.planChunks(100, 8, 1, 50L, 8L)));
    }

    @Test
    void aRowAboveTheLimitGoesAlone() {
        assertEquals(List.of(1L, 1L, 1L), sizes(Partition.planChunks(3, 1_000_000_000, 1)));
    }

    @Test
    void aWrongSizeIsNamedEvenWhereItDoesNotCount() {
        assertNamed("rows", () -> Partition.planChunks(-1, 4, 2));
        assertNamed("rowBytes", () -> Partition.planChunks(10, -1, 2));
        assertNamed("nodes", () -> Partition.planChunks(10, 4, 0));
        assertNamed("chunkRows", () -> Partition.planChunks(10, 4, 2, 0L, null));
        assertNamed("chunkBytes", () -> Partition.planChunks(10, 4, 2, 1L, -1L));
        assertNamed("maxChunkBytes", () -> Partition.planChunks(10, 4, 2, null, null, 0, 1));
        assertNamed("chunksPerNode", () -> Partition.planChunks(10, 4, 2, null, null, 1, 0));
        assertNamed("leaves", () -> Partition.leafGrid(0, 4, null, null, 1, 0));
    }

    private static void assertNamed(String name, Executable cut) {
        ConfigException error = assertThrows(ConfigException.class, cut);
        assertEquals(name + " is too small", error.what());
        assertTrue(error.expected().startsWith(name + " >= "), error.expected());
    }

    @Test
    void moreChunksThanAListHoldsAreRefused() {
        ConfigException error =
                assertThrows(ConfigException.class, () -> Partition.planChunks(1L << 40, 0, 1, 1L, null));
        assertEquals("too many chunks", error.what());
    }

    @Test
    void aSizeMakesAGridAndATimeDoesNot() {
        assertInstanceOf(FixedWork.class, Work.planWork(10, 8, 2, 3L, null, null));
        assertInstanceOf(DivisibleWork.class, Work.planWork(10, 8, 2, null, null, 0.1));
        assertThrows(ConfigException.class, () -> Work.planWork(10, 8, 2, 3L, null, 0.1));
        for (double wrong : new double[] {0.0, -1.0, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(ConfigException.class, () -> Work.planWork(10, 8, 2, null, null, wrong));
        }
    }

    @Test
    void noPieceIsLargerThanAFrameTakes() {
        Work work = Work.planWork(1000, 1 << 20, 2, null, null, null);
        while (work.rowsLeft() > 0) {
            assertTrue(work.take(Long.MAX_VALUE).rows() <= 8);
        }
    }
}
