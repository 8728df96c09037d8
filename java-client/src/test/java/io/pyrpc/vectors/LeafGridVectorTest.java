package io.pyrpc.vectors;

import com.google.gson.JsonObject;
import io.pyrpc.plan.Partition;

class LeafGridVectorTest extends VectorTest {
    LeafGridVectorTest() {
        super("leaf_grid");
    }

    @Override
    protected void check(JsonObject scenario) {
        PartitionVectorTest.checkSizes(scenario.get("sizes"), () -> Partition.leafGrid(
                scenario.get("rows").getAsLong(),
                scenario.get("row_bytes").getAsLong(),
                longOrNull(scenario.get("chunk_rows")),
                longOrNull(scenario.get("chunk_bytes")),
                scenario.get("max_chunk_bytes").getAsLong(),
                scenario.get("leaves").getAsLong()));
    }
}
