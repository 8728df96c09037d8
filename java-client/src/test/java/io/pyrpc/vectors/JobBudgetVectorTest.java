package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.JobBudget;

class JobBudgetVectorTest extends VectorTest {
    JobBudgetVectorTest() {
        super("job_budget");
    }

    @Override
    protected void check(JsonObject scenario) {
        JobBudget budget =
                new JobBudget(scenario.get("ratio").getAsDouble(), scenario.get("per_second").getAsDouble());
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            switch (step.get(0).getAsString()) {
                case "start" -> budget.start(step.get(1).getAsDouble());
                case "chunk" -> budget.onChunk();
                case "next_at" -> same(step.get(2), budget.nextAt(step.get(1).getAsDouble()), step);
                default -> same(step.get(2), budget.trySpend(step.get(1).getAsDouble()), step);
            }
        }
    }
}
