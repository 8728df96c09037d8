package io.pyrpc.client;

import io.pyrpc.plan.Chunk;
import java.util.Map;
import java.util.TreeMap;

/** The rows of a result that are done. Not thread-safe. */
final class Covered {
    /** Stop row by first row; ranges that touch are one. */
    private final TreeMap<Long, Long> ranges = new TreeMap<>();

    /** Whether any row of the chunk is done. */
    boolean overlaps(Chunk chunk) {
        Map.Entry<Long, Long> before = ranges.lowerEntry(chunk.stop());
        return chunk.rows() > 0 && before != null && before.getValue() > chunk.start();
    }

    /** The chunk's rows are done; false: some of them were already, and nothing has changed. */
    boolean add(Chunk chunk) {
        if (overlaps(chunk)) {
            return false;
        }
        if (chunk.rows() == 0) {
            return true;
        }
        long start = chunk.start();
        long stop = chunk.stop();
        Map.Entry<Long, Long> before = ranges.lowerEntry(start);
        if (before != null && before.getValue() == start) {
            start = before.getKey();
        }
        Long after = ranges.remove(stop);
        ranges.put(start, after == null ? stop : after);
        return true;
    }

    /** Whether exactly the rows from 0 up to that are done. */
    boolean isAll(long rows) {
        return rows == 0 ? ranges.isEmpty() : ranges.size() == 1 && Long.valueOf(rows).equals(ranges.get(0L));
    }
}
