package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.util.ArrayList;
import java.util.List;

/**
 * Which rows go into which chunk.
 *
 * <p>Two questions, two methods. {@code planChunks} serves map: how the work is cut may depend on the nodes, since the
 * chunks are put together again in order. {@code leafGrid} serves reduce: where a sum is cut decides its last bits, so
 * the grid depends on the data alone.
 */
public final class Partition {
    /**
     * Half of what stock runtimes take in one frame (16,384,000 bytes), so that headers and a result of about the same
     * size fit without any setting.
     */
    public static final long MAX_CHUNK_BYTES = 8L << 20;

    /**
     * With c chunks a node, the last one to finish is at most about 1/c late; 16 keeps that near 6% while a chunk stays
     * large against the cost of sending it.
     */
    public static final int CHUNKS_PER_NODE = 16;

    /** How many leaves a reduction aims at. */
    public static final int LEAVES = 64;

    private Partition() {}

    /** Cut rows into chunks for so many nodes, with no size asked for. */
    public static List<Chunk> planChunks(long rows, long rowBytes, long nodes) {
        return planChunks(rows, rowBytes, nodes, null, null);
    }

    /** Cut rows into chunks for so many nodes, with the usual limits. */
    public static List<Chunk> planChunks(long rows, long rowBytes, long nodes, Long chunkRows, Long chunkBytes) {
        return planChunks(rows, rowBytes, nodes, chunkRows, chunkBytes, MAX_CHUNK_BYTES, CHUNKS_PER_NODE);
    }

    /**
     * Cut rows into chunks for so many nodes.
     *
     * @param rows how many there are
     * @param rowBytes bytes of a row in all split arrays together; may be 0
     * @param nodes how many share the work
     * @param chunkRows just so many rows a chunk, the rest in the last one; wins over chunkBytes; null: not asked for
     * @param chunkBytes at most so many bytes a chunk; null: not asked for
     * @param maxChunkBytes the limit of what travels; it holds for sizes that were asked for too; only a single row may
     *     be larger
     * @param chunksPerNode without a size: about so many chunks for each node
     * @return in order, without gaps; without chunkRows (or where maxChunkBytes forbids it) their sizes differ by at
     *     most one row; empty for 0 rows
     * @throws ConfigException a size is too small; the message names the parameter
     */
    public static List<Chunk> planChunks(
            long rows,
            long rowBytes,
            long nodes,
            Long chunkRows,
            Long chunkBytes,
            long maxChunkBytes,
            long chunksPerNode) {
        wholeNumber("nodes", nodes, 1);
        wholeNumber("chunksPerNode", chunksPerNode, 1);
        long aim = nodes > Long.MAX_VALUE / chunksPerNode ? Long.MAX_VALUE : nodes * chunksPerNode;
        return cut(rows, rowBytes, chunkRows, chunkBytes, maxChunkBytes, aim);
    }

    /** Cut rows into the leaves of a reduction, with the usual limits. */
    public static List<Chunk> leafGrid(long rows, long rowBytes, Long chunkRows, Long chunkBytes) {
        return leafGrid(rows, rowBytes, chunkRows, chunkBytes, MAX_CHUNK_BYTES, LEAVES);
    }

    /**
     * Cut rows into the leaves of a reduction; the same data gives the same leaves for any number of nodes.
     *
     * <p>Parameters and errors are those of {@link #planChunks(long, long, long, Long, Long, long, long)}.
     *
     * @param leaves the number of chunks aimed at without a size
     */
    public static List<Chunk> leafGrid(
            long rows, long rowBytes, Long chunkRows, Long chunkBytes, long maxChunkBytes, long leaves) {
        return cut(rows, rowBytes, chunkRows, chunkBytes, maxChunkBytes, wholeNumber("leaves", leaves, 1));
    }

    private static List<Chunk> cut(
            long rows, long rowBytes, Long chunkRows, Long chunkBytes, long maxChunkBytes, long aim) {
        wholeNumber("rows", rows, 0);
        wholeNumber("rowBytes", rowBytes, 0);
        long largest = rowsIn(wholeNumber("maxChunkBytes", maxChunkBytes, 1), rowBytes, rows);
        // Both are checked even where only one counts: a wrong value is a mistake of the caller in any case.
        Long byRows = chunkRows == null ? null : wholeNumber("chunkRows", chunkRows, 1);
        Long byBytes = chunkBytes == null ? null : rowsIn(wholeNumber("chunkBytes", chunkBytes, 1), rowBytes, rows);
        if (rows == 0) {
            return List.of();
        }
        if (byRows != null && byRows <= largest) {
            return steps(rows, byRows);
        }
        Long wanted = byRows != null ? byRows : byBytes;
        long count = wanted == null ? Math.min(rows, aim) : ceilDiv(rows, wanted);
        return even(rows, Math.max(count, ceilDiv(rows, largest)));
    }

    /** Chunks of just so many rows; the last one has what is left. Who names a number of rows wants to see that. */
    private static List<Chunk> steps(long rows, long size) {
        List<Chunk> chunks = room(ceilDiv(rows, size));
        for (long start = 0; start < rows; start += size) {
            chunks.add(new Chunk(chunks.size(), start, start + Math.min(size, rows - start)));
        }
        return chunks;
    }

    /** So many chunks; the first {@code rows mod count} of them have one row more. */
    private static List<Chunk> even(long rows, long count) {
        List<Chunk> chunks = room(count);
        long size = rows / count;
        long longer = rows % count;
        long start = 0;
        for (int index = 0; index < count; index++) {
            long stop = start + size + (index < longer ? 1 : 0);
            chunks.add(new Chunk(index, start, stop));
            start = stop;
        }
        return chunks;
    }

    private static List<Chunk> room(long count) {
        if (count > Integer.MAX_VALUE) {
            throw new ConfigException(
                    "too many chunks", Detail.mismatch("at most " + Integer.MAX_VALUE, Long.toString(count)));
        }
        return new ArrayList<>((int) count);
    }

    /** How many rows fit, at least one. */
    static long rowsIn(long sizeBytes, long rowBytes, long rows) {
        return Math.max(1, rowBytes > 0 ? sizeBytes / rowBytes : rows);
    }

    /** The quotient rounded up; of numbers that are not negative. */
    static long ceilDiv(long a, long b) {
        return a / b + (a % b == 0 ? 0 : 1);
    }

    /** The value itself, or a ConfigException that names it. */
    static long wholeNumber(String name, long value, long least) {
        if (value < least) {
            throw new ConfigException(
                    name + " is too small", Detail.mismatch(name + " >= " + least, Long.toString(value)));
        }
        return value;
    }
}
