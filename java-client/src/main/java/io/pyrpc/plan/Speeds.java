package io.pyrpc.plan;

/**
 * Two sums over the nodes of a job: their speeds, and the speeds times when each is free. They tell what all but one of
 * them can do until a time, and change with one node at a time.
 */
final class Speeds {
    /** The sums are made anew after so many changes, before rounding adds up. */
    private static final int RENEW = 4096;

    double speed;
    double taken;
    private final JobNodes nodes;
    private final JobCost jobCost;
    private int changes;
    private boolean wasKnown;

    Speeds(JobNodes nodes, JobCost jobCost) {
        this.nodes = nodes;
        this.jobCost = jobCost;
    }

    /** Something about the node is different. */
    void changed(NodeState node) {
        speed -= node.speed;
        taken -= node.taken;
        if (node.isUsable() && jobCost.isKnown()) {
            node.predict();
            speed += node.speed;
            taken += node.taken;
        } else {
            node.speed = 0.0;
            node.taken = 0.0;
        }
        changes++;
        if (jobCost.isKnown() && !wasKnown) {
            becomeKnown();
        }
        if (changes >= RENEW) {
            addUp();
        }
    }

    /** From the first piece on, the others are taken to be like its node. */
    private void becomeKnown() {
        wasKnown = true;
        changes = RENEW;
        for (NodeState other : nodes) {
            if (other.isUsable()) {
                other.predict();
            }
        }
    }

    private void addUp() {
        changes = 0;
        speed = 0.0;
        taken = 0.0;
        for (NodeState other : nodes) {
            speed += other.speed;
            taken += other.taken;
        }
    }

    /** The sums with all nodes as they are now: idle ones free now, late ones as late as they are. */
    Sums renewed(double nowS) {
        double newSpeed = 0.0;
        double newTaken = 0.0;
        for (NodeState node : nodes) {
            if (node.isUsable()) {
                double slowness = node.slowness(nowS);
                double pace = node.pace / slowness;
                newSpeed += pace;
                newTaken += pace * node.freeAt(nowS, slowness);
            }
        }
        return new Sums(newSpeed, newTaken);
    }

    /** Both at one time. */
    record Sums(double speed, double taken) {}
}
