package io.pyrpc.plan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.vectors.VectorTest;
import java.util.ArrayList;
import java.util.List;

class CostVectorTest extends VectorTest {
    CostVectorTest() {
        super("cost");
    }

    @Override
    protected void check(JsonObject scenario) {
        JobCost job = new JobCost();
        List<NodeWindow> windows = new ArrayList<>();
        List<NodeCost> nodes = new ArrayList<>();
        for (int place = 0; place < scenario.get("nodes").getAsInt(); place++) {
            windows.add(new NodeWindow(scenario.get("window").getAsInt(), 0));
            nodes.add(new NodeCost(job, windows.get(place)));
        }
        for (JsonElement each : scenario.getAsJsonArray("steps")) {
            JsonArray step = each.getAsJsonArray();
            int place = step.get(0).getAsInt();
            NodeCost node = nodes.get(place);
            node.add(
                    step.get(1).getAsLong(),
                    step.get(2).getAsDouble(),
                    step.get(3).getAsDouble(),
                    step.get(4).getAsDouble(),
                    step.get(5).getAsDouble(),
                    step.get(6).getAsBoolean());
            same(step.get(7), figures(node, windows.get(place)), step);
        }
        for (JsonElement each : scenario.getAsJsonArray("others")) {
            JsonArray other = each.getAsJsonArray();
            NodeCost unseen = new NodeCost(job, new NodeWindow(1, 0));
            same(other.get(1), unseen.line().predictS(other.get(0).getAsLong()), other);
        }
    }

    private static List<Object> figures(NodeCost node, NodeWindow window) {
        NodeFit fit = node.fit("n");
        return List.of(
                fit.samples(),
                fit.pieceS(),
                fit.rowS(),
                fit.serviceRowS(),
                fit.overheadS(),
                node.lastRowS,
                node.mostRows,
                window.lanes(),
                window.width());
    }
}
