package io.pyrpc.plan;

/** What all nodes of a job have shown together: what to expect of one that has shown nothing yet. */
final class JobCost {
    final Line line = new Line();

    /** Whether any piece is done. */
    boolean isKnown() {
        return line.samples > 0;
    }
}
