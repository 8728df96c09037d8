package io.pyrpc.plan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.vectors.VectorTest;
import java.util.List;

class WindowVectorTest extends VectorTest {
    WindowVectorTest() {
        super("window");
    }

    @Override
    protected void check(JsonObject scenario) {
        NodeWindow window =
                new NodeWindow(scenario.get("size").getAsInt(), scenario.get("most").getAsInt());
        for (JsonElement each : scenario.getAsJsonArray("steps")) {
            JsonArray step = each.getAsJsonArray();
            switch (step.get(0).getAsString()) {
                case "again" -> window = window.again();
                case "beside" -> window.ranBeside(step.get(1).getAsDouble(), step.get(2).getAsDouble());
                default -> window.done(
                        step.get(1).getAsLong(),
                        step.get(2).getAsInt(),
                        step.get(3).getAsDouble(),
                        step.get(4).getAsBoolean());
            }
            same(
                    step.get(step.size() - 1),
                    List.of(window.size(), window.isSettled(), window.lanes(), window.width()),
                    step);
        }
    }
}
