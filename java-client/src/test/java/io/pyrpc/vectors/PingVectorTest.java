package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.NodeHealth;
import io.pyrpc.plan.PingPlan;
import java.util.List;
import java.util.stream.Stream;

class PingVectorTest extends VectorTest {
    PingVectorTest() {
        super("ping");
    }

    @Override
    protected void check(JsonObject scenario) {
        int count = scenario.get("nodes").getAsInt();
        List<NodeHealth> healths = Stream.generate(NodeHealth::new).limit(count).toList();
        PingPlan plan = new PingPlan(healths, scenario.get("every_s").getAsDouble());
        double[] repliedAtS = new double[count];
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            switch (step.get(0).getAsString()) {
                case "start" -> plan.start(step.get(1).getAsDouble());
                case "idle" -> same(
                        step.get(3), plan.isIdle(step.get(1).getAsDouble(), step.get(2).getAsDouble()), step);
                case "due" -> same(step.get(2), plan.due(step.get(1).getAsDouble(), repliedAtS), step);
                case "wake" -> same(step.get(1), plan.wakeAt(repliedAtS), step);
                default -> hear(plan, healths, repliedAtS, step);
            }
        }
    }

    /** Of a node: "ok" and "fail" of a call, "ended" of a ping. */
    private static void hear(PingPlan plan, List<NodeHealth> healths, double[] repliedAtS, JsonArray step) {
        String what = step.get(0).getAsString();
        int node = step.get(1).getAsInt();
        double nowS = step.get(2).getAsDouble();
        boolean isThere = what.equals("ended") ? step.get(3).getAsBoolean() : what.equals("ok");
        if (isThere) {
            healths.get(node).onSuccess();
        } else {
            healths.get(node).onFailure(nowS);
        }
        if (what.equals("ok")) {
            repliedAtS[node] = nowS;
        } else if (what.equals("ended")) {
            plan.ended(node, nowS, isThere);
        }
    }
}
