package io.pyrpc.plan;

import java.util.Set;

/**
 * Which node gets the next piece of one job, and how large it is; its nodes tell it of each change.
 *
 * <pre>
 * min_max            the earliest predicted finish; the default (MinMax)
 * pull               whoever is free: fast nodes ask more often (Pull)
 * round_robin        each in turn, whether it is free or not (InTurn)
 * random_priority    any of those that are free, at random (AnyFree)
 * other names, own   a balancer of single calls picks among those that are free (Balanced)
 * </pre>
 */
interface Placement {
    /**
     * Who gets a piece.
     *
     * @param rows how many of them, where they may be cut
     */
    record Placed(NodeState node, long rows) {}

    /** When to ask again even if nothing happens; infinity: not before. */
    double lookAgainAt();

    /** Something about the node is different: up or down, paused, its pieces or its cost. */
    void changed(NodeState node);

    /** The node for the next piece, and the rows for it; null: nobody now. There is work left. */
    Placed next(double nowS);

    /** The best free node for a piece of so many rows that is not to be avoided; null: there is none. */
    NodeState bestFree(long rows, double nowS, Set<NodeState> avoid);

    /** Whether the piece had better wait for another node that is not free yet. */
    boolean declines(NodeState node, long rows, double nowS, Set<NodeState> avoid);

    /** The placement of a policy, for one job. */
    static Placement of(JobPolicy policy, JobNodes nodes, Work work, JobCost jobCost, SplitMix64 prng) {
        if (policy.isOwn()) {
            return new Balanced(nodes, work, jobCost, prng, policy.name(), policy.balancer());
        }
        return switch (policy.name()) {
            case "min_max" -> MinMax.of(nodes, work, jobCost);
            case "pull" -> new Pull(nodes, work);
            case "round_robin" -> new InTurn(nodes, work);
            case "random_priority" -> new AnyFree(nodes, work, prng);
            default -> new Balanced(nodes, work, jobCost, prng, policy.name(), policy.balancer());
        };
    }
}
