package io.pyrpc.client;

import io.pyrpc.Args;
import io.pyrpc.NdArray;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.LengthMismatchException;
import io.pyrpc.plan.Chunk;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Positional and named arguments of a job over arrays.
 *
 * <p>Arrays with rows are split along axis 0, all at the same rows; scalars, text, null, 0-d arrays and what is marked
 * with Broadcast go whole, and so does everything passed by name. Immutable.
 */
final class SplitArguments implements Arguments {
    private final List<Object> positional = new ArrayList<>();
    private final Map<String, Object> named = new LinkedHashMap<>();
    private final List<Boolean> split = new ArrayList<>();
    private final long rows;
    private final long rowBytes;

    /**
     * The arguments of one job.
     *
     * @throws LengthMismatchException the arrays have different numbers of rows
     * @throws ArgumentException there is nothing to split
     */
    SplitArguments(String stage, Args args) {
        List<NdArray> arrays = new ArrayList<>();
        for (Object value : args.positional()) {
            positional.add(Arguments.unwrapped(value));
            split.add(Arguments.isSplit(value));
            if (Arguments.isSplit(value)) {
                arrays.add((NdArray) value);
            }
        }
        args.named().forEach((name, value) -> named.put(name, Arguments.unwrapped(value)));
        if (arrays.isEmpty()) {
            throw nothingToSplit(stage, args.positional());
        }
        rows = Arguments.rowsOf(arrays.get(0));
        checkLengths(stage, arrays);
        rowBytes = rows == 0 ? 0 : arrays.stream().mapToLong(NdArray::byteSize).sum() / rows;
    }

    private static ArgumentException nothingToSplit(String stage, List<Object> values) {
        String got = values.stream().map(SplitArguments::typeName).collect(Collectors.joining(", "));
        return new ArgumentException(
                "nothing to split for " + stage,
                Detail.mismatch("at least one array with rows", got.isEmpty() ? "no positional argument" : got)
                        .withHelp("pass the rows as an NdArray (NdArray.of(...)); to call it once use call"));
    }

    static String typeName(Object value) {
        return value == null ? "null" : value.getClass().getSimpleName();
    }

    private void checkLengths(String stage, List<NdArray> arrays) {
        if (arrays.stream().anyMatch(array -> Arguments.rowsOf(array) != rows)) {
            String got = arrays.stream()
                    .map(array -> Long.toString(Arguments.rowsOf(array)))
                    .collect(Collectors.joining(" and "));
            throw new LengthMismatchException(
                    "the arrays for " + stage + " have different numbers of rows",
                    Detail.mismatch("the same length along axis 0", got)
                            .withHelp("mark what is not to be split: Broadcast.of(x)"));
        }
    }

    List<Object> positional() {
        return positional;
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
        return Arguments.whole(positional, split::get, named);
    }

    @Override
    public Map<String, Object> named() {
        return Collections.unmodifiableMap(named);
    }

    @Override
    public List<Object> of(Chunk chunk) {
        List<Object> values = new ArrayList<>(positional.size());
        for (int index = 0; index < positional.size(); index++) {
            Object value = positional.get(index);
            values.add(split.get(index) ? ((NdArray) value).rows(chunk.start(), chunk.stop()) : value);
        }
        return values;
    }
}
