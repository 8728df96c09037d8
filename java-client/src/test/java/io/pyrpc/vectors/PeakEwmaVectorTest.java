package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.balance.PeakEwma;

class PeakEwmaVectorTest extends VectorTest {
    PeakEwmaVectorTest() {
        super("peak_ewma");
    }

    @Override
    protected void check(JsonObject scenario) {
        double peakS = 0;
        double seenAt = 0;
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            double nowS = step.get(0).getAsDouble();
            peakS = PeakEwma.observed(peakS, seenAt, step.get(1).getAsDouble(), nowS);
            seenAt = nowS;
            double wanted = step.get(2).getAsDouble();
            // exp differs in the last bit from library to library.
            if (!(Math.abs(peakS - wanted) <= 1e-12 * Math.abs(wanted))) {
                throw new AssertionError("at " + nowS + ": got " + peakS + ", expected " + wanted);
            }
        }
    }
}
