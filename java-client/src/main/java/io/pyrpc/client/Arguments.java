package io.pyrpc.client;

import io.pyrpc.Broadcast;
import io.pyrpc.NdArray;
import io.pyrpc.plan.Chunk;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/** The arguments of a job: which are split, and what each chunk gets of them. Thread-safe. */
interface Arguments {
    /** Rows, as far as that is known. */
    long rows();

    /** About the bytes of one row of all that is split. */
    long rowBytes();

    /** What goes whole to every chunk. */
    List<Object> whole();

    /** What goes by name, whole. */
    Map<String, Object> named();

    /** The positional arguments for one chunk; views where they can be. */
    List<Object> of(Chunk chunk);

    /** The chunk's rows are done; each row once. */
    default void release(Chunk chunk) {
        // Only what is read while the job runs is let go of.
    }

    /** What goes whole: by position but for those that are split, then by name. */
    static List<Object> whole(List<Object> positional, IntPredicate isSplit, Map<String, Object> named) {
        List<Object> whole = new ArrayList<>();
        for (int index = 0; index < positional.size(); index++) {
            if (!isSplit.test(index)) {
                whole.add(positional.get(index));
            }
        }
        whole.addAll(named.values());
        return whole;
    }

    /** Whether it is an array with rows. */
    static boolean isSplit(Object value) {
        return value instanceof NdArray array && array.rank() > 0;
    }

    /** What is marked with Broadcast, or the value itself. */
    static Object unwrapped(Object value) {
        return value instanceof Broadcast marked ? marked.value() : value;
    }

    /** Rows of an array that has some. */
    static long rowsOf(Object array) {
        return ((NdArray) array).shape()[0];
    }
}
