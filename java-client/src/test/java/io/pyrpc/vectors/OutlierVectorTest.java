package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.NodeHealth;
import io.pyrpc.plan.Outliers;
import io.pyrpc.plan.SplitMix64;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class OutlierVectorTest extends VectorTest {
    OutlierVectorTest() {
        super("outlier");
    }

    @Override
    protected void check(JsonObject scenario) {
        int count = scenario.get("nodes").getAsInt();
        Outliers outliers = new Outliers(Stream.generate(NodeHealth::new).limit(count).toList());
        SplitMix64 prng = new SplitMix64(unsigned(scenario.get("prng")));
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            happen(outliers, step, count, prng);
            List<Integer> ejected =
                    IntStream.range(0, count).filter(outliers::isEjected).boxed().toList();
            same(step.get(step.size() - 1), List.of(outliers.isCalm(), ejected), step);
        }
    }

    private static void happen(Outliers outliers, JsonArray step, int count, SplitMix64 prng) {
        String what = step.get(0).getAsString();
        if (what.equals("usable")) {
            same(step.get(2), outliers.usable(step.get(1).getAsDouble(), prng), step);
            return;
        }
        if (what.equals("share")) {
            double nowS = step.get(1).getAsDouble();
            same(step.get(2), IntStream.range(0, count).mapToObj(node -> outliers.share(node, nowS)).toList(), step);
            return;
        }
        int node = step.get(1).getAsInt();
        double nowS = step.get(2).getAsDouble();
        switch (what) {
            case "call" -> outliers.onCall(node, nowS);
            case "ping" -> outliers.onPing(node, nowS, step.get(3).getAsBoolean());
            case "ok" -> times(step.get(3), () -> outliers.onSuccess(node, nowS));
            case "fail" -> times(step.get(4), () -> outliers.onFailure(node, nowS, step.get(3).getAsBoolean()));
            default -> throw new AssertionError("an unknown step: " + step);
        }
    }

    private static void times(JsonElement count, Runnable what) {
        for (int time = 0; time < count.getAsInt(); time++) {
            what.run();
        }
    }
}
