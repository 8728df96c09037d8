package io.pyrpc.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.Partition;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

class PartitionVectorTest extends VectorTest {
    PartitionVectorTest() {
        super("partition");
    }

    @Override
    protected void check(JsonObject scenario) {
        checkSizes(scenario.get("sizes"), () -> Partition.planChunks(
                scenario.get("rows").getAsLong(),
                scenario.get("row_bytes").getAsLong(),
                scenario.get("nodes").getAsLong(),
                longOrNull(scenario.get("chunk_rows")),
                longOrNull(scenario.get("chunk_bytes")),
                scenario.get("max_chunk_bytes").getAsLong(),
                scenario.get("chunks_per_node").getAsLong()));
    }

    static void checkSizes(JsonElement sizes, Supplier<List<Chunk>> cut) {
        if (sizes.isJsonNull()) {
            assertThrows(ConfigException.class, cut::get);
        } else {
            same(sizes, runsOf(cut.get()), "sizes");
        }
    }

    /** [how many chunks, rows of each], neighbours of one size together; they leave no gaps. */
    private static List<List<Long>> runsOf(List<Chunk> chunks) {
        List<List<Long>> runs = new ArrayList<>();
        long stop = 0;
        for (int place = 0; place < chunks.size(); place++) {
            Chunk chunk = chunks.get(place);
            assertEquals(place, chunk.index());
            assertEquals(stop, chunk.start());
            stop = chunk.stop();
            List<Long> last = runs.isEmpty() ? List.of(0L, -1L) : runs.get(runs.size() - 1);
            if (last.get(1) == chunk.rows()) {
                runs.set(runs.size() - 1, List.of(last.get(0) + 1, chunk.rows()));
            } else {
                runs.add(List.of(1L, chunk.rows()));
            }
        }
        return runs;
    }
}
