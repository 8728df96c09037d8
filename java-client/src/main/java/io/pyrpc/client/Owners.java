package io.pyrpc.client;

import io.pyrpc.plan.Chunk;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Which attempt may write to which rows of a result; no two to the same. Not thread-safe. */
final class Owners {
    private record Owner(long stop, long attemptId) {}

    /** By first row. */
    private final TreeMap<Long, Owner> owners = new TreeMap<>();

    /** The attempts that own any row of a chunk. */
    List<Long> of(Chunk chunk) {
        List<Long> found = new ArrayList<>();
        Map.Entry<Long, Owner> before = owners.lowerEntry(chunk.start());
        if (before != null && before.getValue().stop > chunk.start()) {
            found.add(before.getValue().attemptId);
        }
        if (chunk.rows() > 0) {
            owners.subMap(chunk.start(), chunk.stop()).values().forEach(owner -> found.add(owner.attemptId));
        }
        return found;
    }

    /** Give the rows of a chunk, which nobody owns, to an attempt. */
    void add(Chunk chunk, long attemptId) {
        owners.put(chunk.start(), new Owner(chunk.stop(), attemptId));
    }

    /** Take the rows back; false: the attempt did not own them. */
    boolean remove(Chunk chunk, long attemptId) {
        return owners.remove(chunk.start(), new Owner(chunk.stop(), attemptId));
    }
}
