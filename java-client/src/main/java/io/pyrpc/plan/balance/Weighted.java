package io.pyrpc.plan.balance;

import io.pyrpc.plan.SplitMix64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Smooth weighted round robin, nginx's ({@code ngx_http_upstream_round_robin.c}, commit 52327e0627f4, 2012).
 *
 * <p>For each pick every node gains its weight in credit; the one with the most credit is taken and pays the sum of the
 * weights. Weights 5, 1, 1 give a a b a c a a: the heavy node's turns are spread, not bunched. Credit belongs to the
 * endpoint, so it survives when nodes come and go between picks. Where all weights are 0 each counts as 1.
 */
public final class Weighted implements Balancer {
    private final Map<String, Double> credit = new HashMap<>();

    /** The node with the most credit, the first of equals; draws nothing. */
    @Override
    public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
        double total = 0;
        for (NodeView node : nodes) {
            total += node.weight();
        }
        double even = total > 0 ? 0.0 : 1.0;
        forgetThoseGone(nodes);
        int best = 0;
        double most = Double.NEGATIVE_INFINITY;
        for (int index = 0; index < nodes.size(); index++) {
            NodeView node = nodes.get(index);
            double weight = node.weight() != 0 ? node.weight() : even;
            double has = credit.merge(node.endpoint(), weight, Double::sum);
            // Nothing gained, nothing due: without this a node of weight 0 would win while the others pay.
            if (weight > 0 && has > most) {
                best = index;
                most = has;
            }
        }
        credit.merge(nodes.get(best).endpoint(), -(total != 0 ? total : nodes.size()), Double::sum);
        return best;
    }

    /** Nodes that went for good would else be remembered for ever. */
    private void forgetThoseGone(List<NodeView> nodes) {
        if (credit.size() > 2 * nodes.size() + 16) {
            Set<String> here = nodes.stream().map(NodeView::endpoint).collect(Collectors.toSet());
            credit.keySet().retainAll(here);
        }
    }
}
