package io.pyrpc.client.receipt;

import io.pyrpc.plan.JobTerms;
import io.pyrpc.plan.NodeFit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a job was and what became of it, as it was written down. Immutable.
 *
 * @param stage its stage
 * @param rows how many rows
 * @param nodes all that took part or could have
 * @param makespanS seconds from start to end of the job; 0 as long as it runs
 * @param entries every attempt, in the order they ended
 * @param fits what was learned of the cost of each node
 * @param rowBytes bytes of one row of what was split
 * @param terms policy, window, and whether rows could be cut anywhere
 * @param state what became of it
 * @param error in one line if it failed or was cancelled, else null
 * @param probes of nodes that were taken for down
 */
public record JobRecord(
        String stage,
        long rows,
        List<String> nodes,
        double makespanS,
        List<ChunkRecord> entries,
        List<NodeFit> fits,
        long rowBytes,
        JobTerms terms,
        JobState state,
        String error,
        List<ProbeRecord> probes) {
    public JobRecord {
        nodes = List.copyOf(nodes);
        entries = List.copyOf(entries);
        fits = List.copyOf(fits);
        probes = List.copyOf(probes);
    }

    /** The makespan; of a job that runs, the end of the last attempt. */
    public double endedS() {
        if (makespanS != 0) {
            return makespanS;
        }
        return entries.stream().mapToDouble(ChunkRecord::doneS).max().orElse(0);
    }

    /** Rows of the result that were done. */
    public long rowsDone() {
        return entries.stream().filter(entry -> entry.outcome() == Outcome.OK).mapToLong(ChunkRecord::rows).sum();
    }

    /** Attempts beyond the first of each chunk, hedges included. */
    public long retries() {
        return entries.stream().filter(entry -> entry.attempt() > 0).count();
    }

    /** Bytes sent, retries included. */
    public long bytesOut() {
        return entries.stream().mapToLong(ChunkRecord::bytesOut).sum();
    }

    /** Bytes received. */
    public long bytesIn() {
        return entries.stream().mapToLong(ChunkRecord::bytesIn).sum();
    }

    /** Those of the job, and after them any that only its records name. */
    List<String> allNodes() {
        Set<String> named = new LinkedHashSet<>(nodes);
        entries.forEach(entry -> named.add(entry.node()));
        probes.forEach(probe -> named.add(probe.node()));
        return List.copyOf(named);
    }

    /** Number the attempts that a node had at the same time, so that a drawing can put them on lines of their own. */
    public static List<ChunkRecord> withSlots(List<ChunkRecord> entries) {
        List<Integer> order = new ArrayList<>();
        for (int index = 0; index < entries.size(); index++) {
            order.add(index);
        }
        order.sort(Comparator.comparingDouble(index -> entries.get(index).sentS()));
        List<ChunkRecord> numbered = new ArrayList<>(entries);
        Map<String, List<Double>> freeAt = new HashMap<>();
        for (int index : order) {
            ChunkRecord entry = entries.get(index);
            List<Double> ends = freeAt.computeIfAbsent(entry.node(), node -> new ArrayList<>());
            numbered.set(index, entry.withSlot(takeSlot(ends, entry)));
        }
        return numbered;
    }

    private static int takeSlot(List<Double> ends, ChunkRecord entry) {
        for (int slot = 0; slot < ends.size(); slot++) {
            if (ends.get(slot) <= entry.sentS()) {
                ends.set(slot, entry.doneS());
                return slot;
            }
        }
        ends.add(entry.doneS());
        return ends.size() - 1;
    }
}
