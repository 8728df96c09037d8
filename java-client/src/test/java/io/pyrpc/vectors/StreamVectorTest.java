package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.pyrpc.plan.Chunk;
import io.pyrpc.plan.Stream;
import io.pyrpc.plan.Work;
import java.util.Arrays;

class StreamVectorTest extends VectorTest {
    StreamVectorTest() {
        super("stream");
    }

    @Override
    protected void check(JsonObject scenario) {
        Stream work = streamOf(scenario);
        for (JsonElement each : scenario.getAsJsonArray("steps")) {
            JsonArray step = each.getAsJsonArray();
            switch (step.get(0).getAsString()) {
                case "add" -> work.add(step.get(1).getAsLong(), step.get(2).getAsLong());
                case "close" -> work.close();
                default -> {
                    Chunk piece = work.take(step.get(1).getAsLong());
                    same(step.get(2), piece.index(), step);
                    same(step.get(3), piece.start(), step);
                    same(step.get(4), piece.stop(), step);
                }
            }
            Long rowsLeft = work.isOpen() ? null : Long.valueOf(work.rowsLeft());
            same(step.get(step.size() - 1), Arrays.asList(rowsLeft, work.piecesLeft()), step);
        }
    }

    private static Stream streamOf(JsonObject scenario) {
        Long chunkRows = longOrNull(scenario.get("chunk_rows"));
        Long chunkBytes = longOrNull(scenario.get("chunk_bytes"));
        JsonElement chunkS = scenario.get("chunk_s");
        if (scenario.get("for").getAsString().equals("reduce")) {
            return Work.streamLeaves(chunkRows, chunkBytes);
        }
        Double takesS = chunkS.isJsonNull() ? null : Double.valueOf(chunkS.getAsDouble());
        return Work.streamWork(scenario.get("nodes").getAsLong(), chunkRows, chunkBytes, takesS);
    }
}
