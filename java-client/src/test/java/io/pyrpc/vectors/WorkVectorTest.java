package io.pyrpc.vectors;

import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.DivisibleWork;
import io.pyrpc.plan.FixedWork;
import io.pyrpc.plan.Work;
import java.util.List;

class WorkVectorTest extends VectorTest {
    WorkVectorTest() {
        super("work");
    }

    @Override
    protected void check(JsonObject scenario) {
        if (scenario.get("work").isJsonNull()) {
            assertThrows(ConfigException.class, () -> planned(scenario));
            return;
        }
        Work work = planned(scenario);
        same(scenario.get("work"), work instanceof FixedWork ? "fixed" : "divisible", "work");
        if (work instanceof DivisibleWork rows) {
            same(scenario.get("max_rows"), rows.maxRows(), "max_rows");
            same(scenario.get("first_rows"), rows.firstRows(), "first_rows");
            same(scenario.get("target_s"), rows.targetS(), "target_s");
        }
        for (JsonElement take : scenario.getAsJsonArray("takes")) {
            JsonArray step = take.getAsJsonArray();
            long asked = step.get(0).getAsLong();
            Chunk piece = work.take(asked);
            same(
                    step,
                    List.of(asked, piece.index(), piece.start(), piece.stop(), work.rowsLeft(), work.piecesLeft()),
                    "take " + asked);
        }
    }

    private static Work planned(JsonObject scenario) {
        JsonElement chunkS = scenario.get("chunk_s");
        return Work.planWork(
                scenario.get("rows").getAsLong(),
                scenario.get("row_bytes").getAsLong(),
                scenario.get("nodes").getAsLong(),
                longOrNull(scenario.get("chunk_rows")),
                longOrNull(scenario.get("chunk_bytes")),
                chunkS.isJsonNull() ? null : Double.valueOf(chunkS.getAsDouble()));
    }
}
