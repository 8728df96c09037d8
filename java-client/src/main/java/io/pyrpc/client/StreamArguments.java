package io.pyrpc.client;

import io.pyrpc.Args;
import io.pyrpc.NdArray;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.LengthMismatchException;
import io.pyrpc.plan.Chunk;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * As SplitArguments, but some of the positional arguments are iterators over blocks of rows, and may be more than fits
 * into memory.
 *
 * <p>The blocks of several iterators are read together and must have the same rows; arrays beside them are split at the
 * same rows. {@code read} is called by one thread at a time; the rest is thread-safe.
 */
final class StreamArguments implements Arguments {
    private final String stage;
    private final BiConsumer<List<Object>, Map<String, Object>> check;
    private final List<Object> positional = new ArrayList<>();
    private final Map<String, Object> named = new LinkedHashMap<>();
    /** Places of the iterators, and of all that is split. */
    private final List<Integer> sources = new ArrayList<>();

    private final List<Integer> split = new ArrayList<>();
    /** What the other blocks are to be like: the first ones without their rows. */
    private List<NdArray> first;
    /** By first row; under the lock of this object. */
    private final TreeMap<Long, Block> blocks = new TreeMap<>();

    private volatile long rows;
    private volatile long rowBytes;

    /** Rows of all split arguments that were read together; kept until all of them are done. */
    private static final class Block {
        final long stop;
        final List<NdArray> arrays;
        long rowsLeft;

        Block(long start, long stop, List<NdArray> arrays) {
            this.stop = stop;
            this.arrays = arrays;
            this.rowsLeft = stop - start;
        }
    }

    /**
     * The arguments of one job.
     *
     * @param check called with the arguments of each block before any of its rows is sent; throws if they do not fit
     */
    StreamArguments(String stage, Args args, BiConsumer<List<Object>, Map<String, Object>> check) {
        this.stage = stage;
        this.check = check;
        for (Object value : args.positional()) {
            if (value instanceof Iterator) {
                sources.add(positional.size());
            }
            if (value instanceof Iterator || Arguments.isSplit(value)) {
                split.add(positional.size());
            }
            positional.add(Arguments.unwrapped(value));
        }
        args.named().forEach((name, value) -> named.put(name, Arguments.unwrapped(value)));
    }

    /** Whether any of the positional arguments is an iterator. */
    static boolean isStream(Args args) {
        return args.positional().stream().anyMatch(Iterator.class::isInstance);
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public long rowBytes() {
        return rowBytes;
    }

    @Override
    public List<Object> whole() {
        return Arguments.whole(positional, split::contains, named);
    }

    @Override
    public Map<String, Object> named() {
        return Collections.unmodifiableMap(named);
    }

    // -- reading

    /**
     * Read the next block of rows; 0 at the end of the source. What the source itself throws is thrown as it is.
     *
     * @throws io.pyrpc.errors.CallerException a block that does not fit
     */
    long read() {
        while (true) {
            Map<Integer, Object> items = new LinkedHashMap<>();
            for (int index : sources) {
                Iterator<?> source = (Iterator<?>) positional.get(index);
                if (source.hasNext()) {
                    items.put(index, source.next());
                }
            }
            if (items.isEmpty()) {
                checkEnd();
                return 0;
            }
            List<NdArray> arrays = block(items);
            long count = Arguments.rowsOf(arrays.get(0));
            if (count > 0) {
                keep(arrays, count);
                return count;
            }
        }
    }

    private synchronized void keep(List<NdArray> arrays, long count) {
        blocks.put(rows, new Block(rows, rows + count, arrays));
        rows += count;
    }

    private void checkEnd() {
        for (int index : split) {
            if (positional.get(index) instanceof NdArray array && Arguments.rowsOf(array) != rows) {
                throw lengths("the source gave " + rows + " rows, an array has " + Arguments.rowsOf(array));
            }
        }
        if (rows == 0) {
            throw new ArgumentException(
                    "the source for " + stage + " gave no rows",
                    Detail.NONE.withExpected("at least one block with a row")
                            .withHelp("an iterator that was used up gives nothing: make a new one"));
        }
    }

    private List<NdArray> block(Map<Integer, Object> items) {
        for (int index : sources) {
            if (!Arguments.isSplit(items.get(index))) {
                throw noRows(items.containsKey(index), items.get(index));
            }
        }
        long count = Arguments.rowsOf(items.get(sources.get(0)));
        List<NdArray> arrays = new ArrayList<>();
        for (int index : split) {
            if (items.get(index) instanceof NdArray array) {
                arrays.add(array);
            } else {
                NdArray beside = (NdArray) positional.get(index);
                long length = Arguments.rowsOf(beside);
                arrays.add(beside.rows(Math.min(rows, length), Math.min(rows + count, length)));
            }
        }
        if (arrays.stream().anyMatch(array -> Arguments.rowsOf(array) != count)) {
            List<String> lengths = arrays.stream().map(array -> Long.toString(Arguments.rowsOf(array))).toList();
            throw lengths(String.join(" and ", lengths));
        }
        checkLikeFirst(arrays);
        check.accept(with(arrays), named);
        if (count > 0) {
            rowBytes = arrays.stream().mapToLong(NdArray::byteSize).sum() / count;
        }
        return arrays;
    }

    private ArgumentException noRows(boolean isThere, Object item) {
        String got = item instanceof NdArray ? "NdArray of 0 axes" : SplitArguments.typeName(item);
        return new ArgumentException(
                "a source for " + stage + " gave no array with rows",
                Detail.mismatch("NdArrays of one axis or more, and as many from each source", isThere ? got : "the end")
                        .withHelp("give blocks of rows"));
    }

    private void checkLikeFirst(List<NdArray> arrays) {
        if (first == null) {
            first = arrays.stream().map(array -> array.rows(0, 0)).toList();
        }
        for (int index = 0; index < arrays.size(); index++) {
            NdArray array = arrays.get(index);
            if (!RowKind.of(array).equals(RowKind.of(first.get(index)))) {
                throw new ArgumentException(
                        "a source for " + stage + " gave blocks that differ",
                        Detail.mismatch(
                                RowKind.of(first.get(index)) + " as in the first block",
                                RowKind.of(array) + " after " + rows + " rows"));
            }
        }
    }

    private LengthMismatchException lengths(String got) {
        return new LengthMismatchException(
                "the blocks of rows for " + stage + " have different numbers of rows",
                Detail.mismatch("the same length along axis 0", got)
                        .withHelp("mark what is not to be split: Broadcast.of(x)"));
    }

    private List<Object> with(List<NdArray> arrays) {
        List<Object> values = new ArrayList<>(positional);
        for (int number = 0; number < arrays.size(); number++) {
            values.set(split.get(number), arrays.get(number));
        }
        return values;
    }

    // -- sending

    /**
     * The positional arguments for one chunk: views of a block, or copies where it spans several.
     *
     * @throws CancelledException the rows are done, and no longer kept
     */
    @Override
    public List<Object> of(Chunk chunk) {
        List<List<NdArray>> parts = new ArrayList<>();
        long found = 0;
        for (Map.Entry<Long, Block> entry : blocksOf(chunk).entrySet()) {
            long from = Math.max(0, chunk.start() - entry.getKey());
            long to = Math.min(chunk.stop(), entry.getValue().stop) - entry.getKey();
            parts.add(entry.getValue().arrays.stream().map(array -> array.rows(from, to)).toList());
            found += to - from;
        }
        if (found != chunk.rows()) {
            throw new CancelledException("the chunk was done elsewhere");
        }
        if (parts.size() == 1) {
            return with(parts.get(0));
        }
        List<NdArray> joined = new ArrayList<>();
        for (int number = 0; number < split.size(); number++) {
            int column = number;
            joined.add(NdArray.concat(parts.stream().map(part -> part.get(column)).toList()));
        }
        return with(joined);
    }

    private synchronized Map<Long, Block> blocksOf(Chunk chunk) {
        NavigableMap<Long, Block> found = new TreeMap<>();
        Map.Entry<Long, Block> before = blocks.lowerEntry(chunk.start());
        if (before != null && before.getValue().stop > chunk.start()) {
            found.put(before.getKey(), before.getValue());
        }
        found.putAll(blocks.subMap(chunk.start(), chunk.stop()));
        return found;
    }

    @Override
    public synchronized void release(Chunk chunk) {
        for (Map.Entry<Long, Block> entry : blocksOf(chunk).entrySet()) {
            Block block = entry.getValue();
            block.rowsLeft -= Math.min(chunk.stop(), block.stop) - Math.max(chunk.start(), entry.getKey());
            if (block.rowsLeft == 0) {
                blocks.remove(entry.getKey());
            }
        }
    }
}
