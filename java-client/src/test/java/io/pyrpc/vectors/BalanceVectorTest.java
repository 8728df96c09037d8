package io.pyrpc.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import io.pyrpc.plan.balance.NodeView;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BalanceVectorTest extends VectorTest {
    BalanceVectorTest() {
        super("balance");
    }

    @Override
    protected void check(JsonObject scenario) {
        String policy = scenario.get("policy").getAsString();
        Balancer balancer = Balancers.named(policy);
        SplitMix64 prng = new SplitMix64(unsigned(scenario.get("prng")));
        List<NodeView> nodes = new ArrayList<>();
        scenario.getAsJsonArray("nodes").forEach(node -> nodes.add(firstView(node.getAsJsonArray())));
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonObject step = element.getAsJsonObject();
            step.getAsJsonArray("set").forEach(change -> set(nodes, change.getAsJsonArray()));
            List<Integer> places = new ArrayList<>();
            step.getAsJsonArray("of").forEach(place -> places.add(place.getAsInt()));
            double nowS = step.get("now").getAsDouble();
            int picked = balancer.pick(places.stream().map(nodes::get).toList(), prng, nowS);
            same(step.get("pick"), picked, policy + " at " + nowS);
            NodeView seen = nodes.get(places.get(picked));
            nodes.set(places.get(picked), withCallMore(seen));
        }
    }

    private static NodeView firstView(JsonArray node) {
        return view(node.get(0).getAsString(), node);
    }

    private static void set(List<NodeView> nodes, JsonArray change) {
        int place = change.get(0).getAsInt();
        nodes.set(place, view(nodes.get(place).endpoint(), change));
    }

    /** The fields after the first: in_flight, weight, peak_s, slowness, seen_at. */
    private static NodeView view(String endpoint, JsonArray fields) {
        return new NodeView(
                endpoint,
                fields.get(1).getAsInt(),
                fields.get(2).getAsDouble(),
                0.0,
                fields.get(3).getAsDouble(),
                fields.get(4).getAsDouble(),
                fields.get(5).getAsDouble());
    }

    private static NodeView withCallMore(NodeView node) {
        return new NodeView(
                node.endpoint(),
                node.inFlight() + 1,
                node.weight(),
                node.ewmaS(),
                node.peakS(),
                node.slowness(),
                node.seenAt());
    }

    @Test
    void eachBalancerHasVectors() throws IOException {
        Set<String> policies = new HashSet<>();
        read("balance").forEach(scenario -> policies.add(scenario.getAsJsonObject().get("policy").getAsString()));
        assertEquals(Balancers.names(), policies);
    }
}
