package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.CallBudget;

class CallBudgetVectorTest extends VectorTest {
    CallBudgetVectorTest() {
        super("call_budget");
    }

    @Override
    protected void check(JsonObject scenario) {
        CallBudget budget = new CallBudget();
        for (JsonElement element : scenario.getAsJsonArray("steps")) {
            JsonArray step = element.getAsJsonArray();
            String what = step.get(0).getAsString();
            int count = step.get(1).getAsInt();
            double nowS = step.get(2).getAsDouble();
            if (what.equals("calls")) {
                budget.onCalls(count, nowS);
                continue;
            }
            int allowed = 0;
            for (int asked = 0; asked < count; asked++) {
                boolean isAllowed = what.equals("retry") ? budget.tryRetry(nowS) : budget.tryHedge(nowS);
                allowed += isAllowed ? 1 : 0;
            }
            same(step.get(3), allowed, step);
        }
    }
}
