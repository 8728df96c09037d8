package io.pyrpc.plan;

/** Any free node, all equally likely; one draw each time. */
final class AnyFree extends Pull {
    private final SplitMix64 prng;

    AnyFree(JobNodes nodes, Work work, SplitMix64 prng) {
        super(nodes, work);
        this.prng = prng;
    }

    @Override
    NodeState pick(double nowS) {
        int count = nodes.free.size();
        return count == 0 ? null : nodes.free.at(prng.below(count));
    }
}
