package io.pyrpc.client;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.Chunk;
import io.pyrpc.wire.ReceivePool;
import io.pyrpc.wire.RowPlace;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Rows in the order of the input; each chunk is received straight into its place. Thread-safe. */
class RowsGather implements Gather {
    /** In place of the number of rows, where that is not known yet: then there is no place to receive to. */
    static final long UNKNOWN = -1;

    private final String stage;
    private final boolean isInPlace;
    // Under the lock of this object.
    private final List<Column> columns = new ArrayList<>();
    private final Owners owners = new Owners();
    private final Covered covered = new Covered();
    private final Map<Integer, Kept> kept = new HashMap<>();
    /** The columns that an attempt receives in their place. */
    private final Map<Long, List<Integer>> placed = new HashMap<>();

    private long rows;
    /** What the first chunk that was put has; null before. */
    private Form form;

    private int writing;

    /** How many arrays each chunk has, and whether in a tuple. */
    private record Form(int count, boolean isTuple) {
        @Override
        public String toString() {
            return isTuple ? "a tuple of " + count : "an array";
        }
    }

    /** Values of a chunk that wait until the attempts which own some of its rows have let go. */
    private record Kept(Chunk chunk, List<NdArray> arrays) {}

    /** One array of the result; made when the first chunk tells its dtype and the shape of its rows. */
    private static final class Column {
        final RowKind kind;
        /** Null where the rows are joined in the end. */
        final NdArray array;
        /** By first row. */
        final TreeMap<Long, NdArray> parts = new TreeMap<>();

        Column(RowKind kind, NdArray array) {
            this.kind = kind;
            this.array = array;
        }
    }

    /**
     * A gather of nothing yet.
     *
     * @param rows how many the result has, or UNKNOWN
     */
    RowsGather(String stage, long rows) {
        this.stage = stage;
        this.rows = rows;
        this.isInPlace = rows != UNKNOWN;
    }

    // -- receiving in place

    @Override
    public RowPlace lease(Chunk chunk, long attemptId) {
        return isInPlace ? new ChunkPlace(chunk, attemptId) : null;
    }

    /** Hands the rows of one chunk to the decoder of one attempt, one column after the other. */
    private final class ChunkPlace implements RowPlace {
        private final Chunk chunk;
        private final long attemptId;
        private int number;

        ChunkPlace(Chunk chunk, long attemptId) {
            this.chunk = chunk;
            this.attemptId = attemptId;
        }

        @Override
        public NdArray place(DType dtype, long[] shape) {
            return placeOf(chunk, attemptId, number++, dtype, shape);
        }
    }

    private synchronized NdArray placeOf(Chunk chunk, long attemptId, int number, DType dtype, long[] shape) {
        if (shape.length == 0 || shape[0] != chunk.rows() || !RowKind.isPlain(dtype)) {
            return null;
        }
        RowKind kind = RowKind.of(dtype, shape);
        Column column = column(number, kind, dtype, shape);
        if (column.array == null || !column.kind.equals(kind) || !owns(chunk, attemptId)) {
            return null;
        }
        placed.computeIfAbsent(attemptId, id -> new ArrayList<>()).add(number);
        return column.array.rows(chunk.start(), chunk.stop());
    }

    /**
     * Whether the attempt may write to the chunk's rows; from now on no other one may.
     *
     * <p>Asked when its reply arrives, not when it begins: one that never gets a reply must not keep a result waiting.
     */
    private boolean owns(Chunk chunk, long attemptId) {
        List<Long> now = owners.of(chunk);
        if (!now.isEmpty()) {
            return now.equals(List.of(attemptId));
        }
        if (chunk.rows() == 0 || covered.overlaps(chunk)) {
            return false;
        }
        owners.add(chunk, attemptId);
        return true;
    }

    /** The column of that number, made to fit where it is new. */
    private Column column(int number, RowKind kind, DType dtype, long[] shape) {
        while (columns.size() <= number) {
            columns.add(null);
        }
        Column column = columns.get(number);
        if (column == null) {
            long[] whole = shape.clone();
            whole[0] = rows;
            boolean hasPlace = isInPlace && RowKind.isPlain(dtype);
            column = new Column(kind, hasPlace ? ReceivePool.SHARED.take(dtype, whole) : null);
            columns.set(number, column);
        }
        return column;
    }

    @Override
    public void release(Chunk chunk, long attemptId) {
        List<Kept> ready;
        synchronized (this) {
            placed.remove(attemptId);
            if (!owners.remove(chunk, attemptId) || kept.isEmpty()) {
                return;
            }
            // Other attempts won while this one held the rows. Nobody else may own them meanwhile: they are done.
            ready = takeReady();
            writing += ready.size();
        }
        ready.forEach(other -> write(other.chunk, List.of(), other.arrays));
        synchronized (this) {
            writing -= ready.size();
        }
    }

    private List<Kept> takeReady() {
        List<Kept> ready = new ArrayList<>();
        for (Iterator<Kept> each = kept.values().iterator(); each.hasNext(); ) {
            Kept other = each.next();
            if (owners.of(other.chunk).isEmpty()) {
                ready.add(other);
                each.remove();
            }
        }
        return ready;
    }

    // -- results

    @Override
    public Object put(Chunk chunk, long attemptId, Object value) {
        boolean isTuple = value instanceof List;
        List<?> values = isTuple ? (List<?>) value : List.of(value == null ? "None" : value);
        List<NdArray> arrays = checked(chunk, values, isTuple);
        List<Integer> inPlace;
        synchronized (this) {
            if (!covered.add(chunk)) {
                throw new IllegalStateException("a row was put twice");
            }
            inPlace = placed.getOrDefault(attemptId, List.of());
            if (owners.of(chunk).stream().anyMatch(owner -> owner != attemptId)) {
                kept.put(chunk.index(), new Kept(chunk, arrays));
                return isTuple ? arrays : arrays.get(0);
            }
        }
        List<NdArray> written = write(chunk, inPlace, arrays);
        return isTuple ? written : written.get(0);
    }

    /** Put the arrays where they belong; returns them as they lie there. */
    List<NdArray> write(Chunk chunk, List<Integer> inPlace, List<NdArray> arrays) {
        List<NdArray> written = new ArrayList<>();
        for (int number = 0; number < arrays.size(); number++) {
            NdArray array = arrays.get(number);
            Column column;
            synchronized (this) {
                column = columns.get(number);
                if (column.array == null) {
                    column.parts.put(chunk.start(), array);
                }
            }
            if (column.array != null) {
                NdArray place = column.array.rows(chunk.start(), chunk.stop());
                if (!inPlace.contains(number)) {
                    // Not asByteBuffer, after which the memory of a result that is dropped is not lent again.
                    place.encoded().get(0).put(array.encoded().get(0));
                    Reference.reachabilityFence(array);
                }
                array = place;
            }
            written.add(array);
        }
        return written;
    }

    /** One row for each row, the same arrays from every chunk. */
    private List<NdArray> checked(Chunk chunk, List<?> values, boolean isTuple) {
        if (values.isEmpty()) {
            throw new BadResultException(
                    stage + " gave no array",
                    Detail.mismatch(
                            "an array of " + chunk.rows() + " rows, or a tuple of such", "an empty list or tuple"));
        }
        List<NdArray> arrays = new ArrayList<>();
        for (Object value : values) {
            if (!Arguments.isSplit(value) || Arguments.rowsOf(value) != chunk.rows()) {
                throw wrongRows(chunk, value);
            }
            arrays.add((NdArray) value);
        }
        checkForm(chunk, new Form(arrays.size(), isTuple));
        for (int number = 0; number < arrays.size(); number++) {
            checkKind(chunk, number, arrays.get(number));
        }
        return arrays;
    }

    private BadResultException wrongRows(Chunk chunk, Object value) {
        String shown = String.valueOf(value);
        String got = Arguments.isSplit(value)
                ? Arguments.rowsOf(value) + " rows"
                : shown.substring(0, Math.min(80, shown.length()));
        return new BadResultException(
                stage + " gave the wrong number of rows",
                Detail.mismatch("arrays of " + chunk.rows() + " rows", got));
    }

    private synchronized void checkForm(Chunk chunk, Form got) {
        form = form == null ? got : form;
        if (!form.equals(got)) {
            throw new BadResultException(
                    stage + " gave another number of arrays for rows " + chunk.start() + " to " + chunk.stop(),
                    Detail.mismatch(form + " as other chunks", got.toString()));
        }
    }

    private synchronized void checkKind(Chunk chunk, int number, NdArray array) {
        RowKind kind = RowKind.of(array);
        Column column = column(number, kind, array.dtype(), array.shape());
        if (!column.kind.equals(kind)) {
            throw new BadResultException(
                    stage + " gave arrays that differ from chunk to chunk",
                    Detail.mismatch(
                                    column.kind + " as other chunks",
                                    kind + " for rows " + chunk.start() + " to " + chunk.stop())
                            .withHelp("make the stage's result independent of how many rows it gets, and declare it"
                                    + " with gives="));
        }
    }

    @Override
    public synchronized boolean isSettled() {
        return kept.isEmpty() && writing == 0;
    }

    @Override
    public synchronized void end(long all) {
        rows = all;
    }

    final synchronized void checkComplete() {
        if (rows == UNKNOWN || !covered.isAll(rows) || !kept.isEmpty() || writing > 0) {
            throw new IllegalStateException("a row is missing in the result");
        }
    }

    @Override
    public Object finish() {
        checkComplete();
        List<NdArray> arrays = new ArrayList<>();
        for (int number = 0; number < form.count; number++) {
            Column column = columns.get(number);
            arrays.add(column.array != null ? column.array : NdArray.concat(List.copyOf(column.parts.values())));
        }
        return form.isTuple ? List.copyOf(arrays) : arrays.get(0);
    }
}
