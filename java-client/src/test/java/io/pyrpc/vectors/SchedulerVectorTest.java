package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.Scheduler;
import java.util.List;

class SchedulerVectorTest extends VectorTest {
    SchedulerVectorTest() {
        super("scheduler");
    }

    @Override
    protected void check(JsonObject scenario) {
        Replay replay = new Replay(scenario);
        for (JsonElement each : scenario.getAsJsonArray("events")) {
            JsonArray event = each.getAsJsonArray();
            String what = event.get(0).getAsString();
            if (what.equals("done") || what.equals("failed")) {
                boolean isWanted = replay.scheduler.isWanted(event.get(2).getAsLong());
                same(event.get(event.size() - 2), isWanted, "is_wanted before " + event);
            }
            same(event.get(event.size() - 1), replay.tell(event), event);
        }
        Scheduler job = replay.scheduler;
        same(scenario.get("end"), List.of(job.rowsLeft(), job.late(), job.hedges(), job.resends()), "end");
    }
}
