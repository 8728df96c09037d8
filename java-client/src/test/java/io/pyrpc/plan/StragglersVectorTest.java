package io.pyrpc.plan;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.vectors.VectorTest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

class StragglersVectorTest extends VectorTest {
    StragglersVectorTest() {
        super("stragglers");
    }

    @Override
    protected void check(JsonObject scenario) {
        World world = new World();
        for (JsonElement each : scenario.getAsJsonArray("steps")) {
            JsonArray step = each.getAsJsonArray();
            switch (step.get(0).getAsString()) {
                case "took" -> {
                    world.queues.addDuration(step.get(1).getAsDouble());
                    same(step.get(2), world.queues.waitS(), step);
                }
                case "ask" -> same(step.get(2), world.candidates(step.get(1).getAsJsonArray()), step);
                default -> world.happen(
                        step.get(0).getAsString(),
                        world.chunk(step.get(1).getAsInt()),
                        world.node(step.get(2).getAsString()),
                        step.get(3).getAsDouble());
            }
        }
    }

    /** What a scheduler does to chunks and tells the queues. */
    private static final class World {
        final Stragglers queues = new Stragglers();
        private final Map<String, NodeState> nodes = new HashMap<>();
        private final Map<Integer, ChunkState> chunks = new HashMap<>();

        NodeState node(String name) {
            return nodes.computeIfAbsent(
                    name, key -> new NodeState(key, 0.1, new JobCost(), new NodeWindow(2, 0)));
        }

        ChunkState chunk(int index) {
            return chunks.computeIfAbsent(index, key -> new ChunkState(new Chunk(key, key, key + 1)));
        }

        List<List<Object>> candidates(JsonArray names) {
            List<NodeState> free = new ArrayList<>();
            names.forEach(name -> free.add(node(name.getAsString())));
            List<List<Object>> found = new ArrayList<>();
            for (Stragglers.Candidate each : queues.candidates(free)) {
                found.add(List.of(each.atS(), each.state().chunk.index(), each.node().name));
            }
            return found;
        }

        void happen(String what, ChunkState state, NodeState node, double nowS) {
            switch (what) {
                case "send" -> {
                    send(state, node, nowS);
                    queues.add(state);
                }
                case "hedge" -> {
                    send(state, node, nowS);
                    queues.hedgeSent(state);
                }
                case "remove" -> {
                    queues.remove(state);
                    state.live.clear();
                }
                case "lost" -> {
                    state.live.removeIf(attempt -> attempt.node == node);
                    queues.hedgeLost(state);
                }
                case "fail" -> {
                    state.live.removeIf(attempt -> attempt.node == node);
                    state.failedOn.add(node);
                }
                default -> throw new AssertionError(what);
            }
        }

        private static void send(ChunkState state, NodeState node, double nowS) {
            state.live.add(new Attempt(0, state, node, nowS));
            state.lastSent = nowS;
        }
    }
}
