package io.pyrpc.client;

import io.pyrpc.NdArray;
import io.pyrpc.plan.Chunk;
import io.pyrpc.wire.RowPlace;
import java.util.List;

/** Checks the rows of a stream and hands them on; keeps none of them. */
final class PassingGather extends RowsGather {
    PassingGather(String stage) {
        super(stage, UNKNOWN);
    }

    @Override
    public RowPlace lease(Chunk chunk, long attemptId) {
        return null;
    }

    @Override
    List<NdArray> write(Chunk chunk, List<Integer> inPlace, List<NdArray> arrays) {
        return arrays;
    }

    @Override
    public Object finish() {
        checkComplete();
        return null;
    }
}
