package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.Latencies;
import java.util.ArrayList;
import java.util.List;

class CallHedgeVectorTest extends VectorTest {
    CallHedgeVectorTest() {
        super("call_hedge");
    }

    @Override
    protected void check(JsonObject scenario) {
        Latencies latencies = new Latencies();
        List<Double> tookS = new ArrayList<>();
        scenario.getAsJsonArray("latencies").forEach(each -> tookS.add(each.getAsDouble()));
        List<Integer> ask = new ArrayList<>();
        scenario.getAsJsonArray("ask").forEach(each -> ask.add(each.getAsInt()));
        List<List<Double>> figures = new ArrayList<>();
        for (int count = 0; count <= tookS.size(); count++) {
            if (count > 0) {
                latencies.add(tookS.get(count - 1));
            }
            allow(latencies, scenario.get("idempotent"), count);
            if (ask.contains(count)) {
                figures.add(List.of(latencies.medianS(), latencies.p95S(), latencies.hedgeAfterS()));
            }
        }
        same(scenario.get("figures"), figures, "figures");
    }

    private static void allow(Latencies latencies, JsonElement idempotent, int count) {
        for (JsonElement element : idempotent.getAsJsonArray()) {
            JsonArray known = element.getAsJsonArray();
            if (known.get(0).getAsInt() == count) {
                latencies.allow(known.get(1).getAsBoolean());
            }
        }
    }
}
