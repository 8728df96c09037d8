package io.pyrpc.client.receipt;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What a node was doing at each moment of a job, as far as its caller can tell.
 *
 * <p>A caller knows when it sent a chunk and when the reply came, how long the chunk waited and ran on the node, and
 * often when the reply began to arrive. From these it places the running at the end of an attempt, just before the
 * reply, the waiting before that, and its own preparation at the beginning; what remains is transfer. Where the
 * beginning of the reply is not known, the transfer is shared between both ways by the bytes that went each way.
 */
final class Spans {
    static final int RUNNING = 0;
    static final int QUEUED = 1;
    static final int TRANSFER = 2;
    static final int PREPARING = 3;
    static final int UNANSWERED = 4;
    /** What a node with nothing in flight is found to be doing is told by Causes. */
    private static final int KINDS = 5;

    /** A stage may be too quick for the node's clock of microseconds; 0 would make it infinitely fast. */
    static final double LEAST_S = 1e-6;

    /** Each moment counts once, for the first kind that holds for any attempt; in seconds. */
    final double[] seconds = new double[KINDS];
    /** When nothing was in flight. */
    final List<Span> idle = new ArrayList<>();

    /** From when to when, in seconds since the job began. */
    record Span(double startS, double stopS) {}

    private record Change(double momentS, int kind, int by) {}

    Spans(List<ChunkRecord> entries, double untilS) {
        int[] counts = new int[KINDS];
        double at = 0;
        for (Change change : changes(entries)) {
            double moment = Math.min(Math.max(change.momentS, 0), untilS);
            if (moment > at) {
                spend(counts, at, moment);
                at = moment;
            }
            counts[change.kind] += change.by;
        }
        if (untilS > at) {
            spend(counts, at, untilS);
        }
    }

    private void spend(int[] counts, double startS, double stopS) {
        for (int kind = 0; kind < KINDS; kind++) {
            if (counts[kind] != 0) {
                seconds[kind] += stopS - startS;
                return;
            }
        }
        double from = startS;
        if (!idle.isEmpty() && idle.get(idle.size() - 1).stopS == startS) {
            from = idle.remove(idle.size() - 1).startS;
        }
        idle.add(new Span(from, stopS));
    }

    private static List<Change> changes(List<ChunkRecord> entries) {
        List<Change> changes = new ArrayList<>();
        for (ChunkRecord entry : entries) {
            addChanges(changes, entry);
        }
        changes.sort(Comparator.comparingDouble(Change::momentS)
                .thenComparingInt(Change::kind)
                .thenComparingInt(Change::by));
        return changes;
    }

    private static void addChanges(List<Change> changes, ChunkRecord entry) {
        if (!entry.isAnswered()) {
            add(changes, UNANSWERED, entry.sentS(), entry.doneS());
            return;
        }
        // Preparing comes after transfer in the order of kinds, so the transfer must leave this part out.
        double readyS = Math.min(entry.sentS() + entry.prepareS(), entry.doneS());
        add(changes, TRANSFER, readyS, entry.doneS());
        add(changes, PREPARING, entry.sentS(), readyS);
        Span ran = runSpan(entry);
        add(changes, RUNNING, ran.startS, ran.stopS);
        if (entry.queuedS() != 0) {
            add(changes, QUEUED, Math.max(entry.sentS(), ran.startS - entry.queuedS()), ran.startS);
        }
    }

    private static void add(List<Change> changes, int kind, double startS, double stopS) {
        if (stopS > startS) {
            changes.add(new Change(startS, kind, 1));
            changes.add(new Change(stopS, kind, -1));
        }
    }

    /** When an answered attempt ran; all of it where the node told no times. */
    static Span runSpan(ChunkRecord entry) {
        if (entry.serviceS() == 0 && entry.queuedS() == 0) {
            return new Span(entry.sentS(), entry.doneS());
        }
        double service = Math.max(entry.serviceS(), LEAST_S);
        double stop = entry.repliedS();
        if (stop == 0) {
            double moved = Math.max(0, entry.doneS() - (entry.sentS() + entry.prepareS()) - entry.queuedS() - service);
            double bytes = (double) entry.bytesOut() + entry.bytesIn();
            stop = entry.doneS() - moved * (bytes != 0 ? entry.bytesIn() / bytes : 0.5);
        }
        stop = Math.min(Math.max(stop, entry.sentS()), entry.doneS());
        return new Span(Math.max(entry.sentS(), stop - service), stop);
    }
}
