package io.pyrpc.plan.simulated;

/** What is true of a node, whatever the scheduler believes. It keeps no contract at all. */
final class SimulatedNode {
    final String name;
    /** Seconds a row. */
    final double rowS;

    double diesAt = Double.POSITIVE_INFINITY;
    double returnsAt = Double.POSITIVE_INFINITY;
    double hangsAt = Double.POSITIVE_INFINITY;
    double wakesAt = Double.POSITIVE_INFINITY;
    /** Shares of the calls that are turned away, break, or lose their reply. */
    double refuses;

    double breaks;
    double losesReply;
    double freeAt;

    SimulatedNode(String name, double rowS) {
        this.name = name;
        this.rowS = rowS;
    }

    boolean isDead(double nowS) {
        return diesAt <= nowS && nowS < returnsAt;
    }

    boolean isHung(double nowS) {
        return hangsAt <= nowS && nowS < wakesAt;
    }

    boolean hangsForEver() {
        return hangsAt < Double.POSITIVE_INFINITY && wakesAt == Double.POSITIVE_INFINITY;
    }

    @Override
    public String toString() {
        return String.format(
                "%s: %s s a row, dies %s to %s, hangs %s to %s, refuses %.2f, breaks %.2f, loses %.2f",
                name, rowS, diesAt, returnsAt, hangsAt, wakesAt, refuses, breaks, losesReply);
    }
}
