package io.pyrpc.vectors;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.SplitMix64;

class PrngVectorTest extends VectorTest {
    PrngVectorTest() {
        super("prng");
    }

    @Override
    protected void check(JsonObject scenario) {
        SplitMix64 prng = new SplitMix64(unsigned(scenario.get("prng")));
        for (JsonElement wanted : scenario.getAsJsonArray("u64")) {
            same(wanted, Long.toUnsignedString(prng.nextU64()), "nextU64");
        }
        for (JsonElement step : scenario.getAsJsonArray("below")) {
            JsonElement n = step.getAsJsonArray().get(0);
            same(step.getAsJsonArray().get(1), Long.toUnsignedString(prng.below(unsigned(n))), "below " + n);
        }
        for (JsonElement wanted : scenario.getAsJsonArray("uniform")) {
            same(wanted, prng.uniform(), "uniform");
        }
    }
}
