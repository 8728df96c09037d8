package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.errors.FailureClass;
import io.pyrpc.plan.RetryDecision;
import io.pyrpc.plan.RetryPolicy;
import io.pyrpc.plan.SplitMix64;
import java.util.Locale;

class RetryVectorTest extends VectorTest {
    RetryVectorTest() {
        super("retry");
    }

    @Override
    protected void check(JsonObject scenario) {
        RetryPolicy policy = new RetryPolicy(
                scenario.get("max_attempts").getAsInt(),
                scenario.get("backoff_s").getAsDouble(),
                scenario.get("backoff_max_s").getAsDouble());
        SplitMix64 prng = new SplitMix64(unsigned(scenario.get("prng")));
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            RetryDecision decision = policy.decide(
                    FailureClass.valueOf(step.get(0).getAsString()),
                    step.get(1).getAsInt(),
                    step.get(2).getAsBoolean(),
                    prng,
                    step.get(3).isJsonNull() ? null : step.get(3).getAsLong());
            same(step.get(4), decision.retry(), step);
            same(step.get(5), decision.delayS(), step);
            String reason = decision.reason() == null ? null : decision.reason().name().toLowerCase(Locale.ROOT);
            same(step.get(6), reason, step);
        }
    }
}
