package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.RetryBudget;

class RetryBudgetVectorTest extends VectorTest {
    RetryBudgetVectorTest() {
        super("retry_budget");
    }

    @Override
    protected void check(JsonObject scenario) {
        RetryBudget budget = new RetryBudget(
                scenario.get("ratio").getAsDouble(),
                scenario.get("per_second").getAsDouble(),
                scenario.get("window_s").getAsDouble());
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            if (step.get(0).getAsString().equals("calls")) {
                budget.onCalls(step.get(1).getAsLong(), step.get(2).getAsDouble());
            } else {
                same(step.get(2), budget.trySpend(step.get(1).getAsDouble()), step);
            }
        }
    }
}
