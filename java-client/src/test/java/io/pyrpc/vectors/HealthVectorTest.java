package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.NodeHealth;

class HealthVectorTest extends VectorTest {
    HealthVectorTest() {
        super("health");
    }

    @Override
    protected void check(JsonObject scenario) {
        NodeHealth health =
                new NodeHealth(scenario.get("backoff_s").getAsDouble(), scenario.get("backoff_max_s").getAsDouble());
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            double nowS = step.get(1).getAsDouble();
            switch (step.get(0).getAsString()) {
                case "call" -> health.onCall(nowS);
                case "ok" -> health.onSuccess();
                case "hold" -> health.hold(nowS);
                default -> health.onFailure(nowS);
            }
            same(step.get(3), health.isUsable(step.get(2).getAsDouble()), step);
            same(step.get(4), health.isUp() ? null : health.downUntilS(), step);
        }
    }
}
