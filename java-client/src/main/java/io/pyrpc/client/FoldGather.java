package io.pyrpc.client;

import io.pyrpc.NdArray;
import io.pyrpc.ReduceOp;
import io.pyrpc.plan.Chunk;
import io.pyrpc.wire.RowPlace;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;

/**
 * A left fold over the chunks in their order: ((c0 + c1) + c2) + ...
 *
 * <p>The order is that of the chunks, whatever order they arrive in, and the chunks depend on the data alone: so the
 * bits of the result do not depend on nodes, retries or hedges.
 */
public final class FoldGather implements Gather {
    private record Waiting(Chunk chunk, Object value) {}

    private final boolean isMean;
    private final BinaryOperator<Object> combine;
    private final Map<Integer, Waiting> waiting = new HashMap<>();
    private long rows;
    private int next;
    private boolean isFolding;
    // Of the one thread that folds.
    private volatile long foldedRows;
    private volatile Object value;
    /** As it came, for the dtypes of a mean. */
    private volatile Object first;

    /**
     * A fold of nothing yet.
     *
     * @param rows how many there are; -1: not known yet
     */
    public FoldGather(ReduceOp op, long rows) {
        this.isMean = op.isMean();
        this.combine = op.function() != null ? op.function() : Arithmetic::add;
        this.rows = rows;
    }

    @Override
    public RowPlace lease(Chunk chunk, long attemptId) {
        return null;
    }

    @Override
    public void release(Chunk chunk, long attemptId) {
        // Nothing is owned here.
    }

    @Override
    public Object put(Chunk chunk, long attemptId, Object result) {
        synchronized (this) {
            if (chunk.index() < next || waiting.putIfAbsent(chunk.index(), new Waiting(chunk, result)) != null) {
                throw new IllegalStateException("a chunk was put twice");
            }
            if (isFolding) {
                return shown(result);
            }
            isFolding = true;
        }
        // One thread folds what is next in order; the others only leave their values.
        foldReady();
        return shown(result);
    }

    /** Views: a user may close what he is shown, and the fold still needs the arrays themselves. */
    private static Object shown(Object result) {
        if (result instanceof NdArray array) {
            return array.reshape(array.shape());
        } else if (result instanceof List<?> list) {
            List<Object> values = new ArrayList<>();
            list.forEach(value -> values.add(shown(value)));
            return values;
        } else if (result instanceof Map<?, ?> map) {
            Map<Object, Object> values = new LinkedHashMap<>();
            map.forEach((key, value) -> values.put(key, shown(value)));
            return values;
        }
        return result;
    }

    private void foldReady() {
        for (Waiting item = nextReady(); item != null; item = nextReady()) {
            boolean isDone = false;
            try {
                fold(item.chunk, item.value);
                isDone = true;
            } finally {
                folded(isDone);
            }
        }
    }

    private synchronized Waiting nextReady() {
        Waiting item = waiting.remove(next);
        isFolding = item != null;
        return item;
    }

    private synchronized void folded(boolean isDone) {
        if (isDone) {
            next++;
        } else {
            isFolding = false;
        }
    }

    private void fold(Chunk chunk, Object result) {
        first = chunk.index() == 0 ? result : first;
        Object one = isMean ? Arithmetic.times(result, chunk.rows()) : result;
        value = chunk.index() == 0 ? one : combine.apply(value, one);
        foldedRows += chunk.rows();
    }

    @Override
    public synchronized boolean isSettled() {
        return waiting.isEmpty() && !isFolding;
    }

    @Override
    public synchronized void end(long all) {
        rows = all;
    }

    @Override
    public synchronized Object finish() {
        if (foldedRows != rows || !waiting.isEmpty() || isFolding) {
            throw new IllegalStateException("a row is missing in the result");
        }
        return isMean ? Arithmetic.over(value, first, foldedRows) : value;
    }
}
