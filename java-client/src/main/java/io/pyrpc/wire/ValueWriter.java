package io.pyrpc.wire;

import io.pyrpc.NdArray;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.TooLargeException;
import io.pyrpc.errors.UnsupportedTypeException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/** Writes values of one message as the union Value; knows where in the arguments it is, for its errors. */
final class ValueWriter {
    private static final int ALL = -1;
    private static final int NAMED = 0;

    private final BinaryWriter w;
    // Put into words only for an error: which argument of what, and where in it, outermost first.
    private final Deque<String> path = new ArrayDeque<>();
    private String method;
    private int number;

    ValueWriter(BinaryWriter w) {
        this.w = w;
    }

    /**
     * Append arguments as a list of values.
     *
     * @param method for errors: "argument 2 of Math.add"
     * @throws UnsupportedTypeException one, or something in it, cannot travel
     * @throws TooLargeException over 4096 items, or nested deeper than 64
     */
    void arguments(List<?> values, String method) {
        begin(method, ALL);
        checkContainer(values.size(), "list", -1);
        w.list(Wire.STRUCT, values.size());
        int next = 1;
        for (Object value : values) {
            begin(method, next++);
            write(value, 0);
        }
    }

    /** Append named arguments as a map of values; errors as for {@link #arguments}. */
    void named(Map<String, ?> values, String method) {
        begin(method, NAMED);
        writeMap(values, -1);
    }

    /** Append a single value. */
    void value(Object value) {
        begin(null, ALL);
        write(value, 0);
    }

    private void begin(String newMethod, int newNumber) {
        path.clear();
        method = newMethod;
        number = newNumber;
    }

    private void write(Object value, int depth) {
        if (value instanceof NdArray array) {
            w.field(Wire.STRUCT, Values.TENSOR);
            writeArray(array);
        } else if (value instanceof Long
                || value instanceof Integer
                || value instanceof Short
                || value instanceof Byte) {
            w.field(Wire.I64, Values.INT);
            w.i64(((Number) value).longValue());
        } else if (value instanceof Double || value instanceof Float) {
            w.field(Wire.DOUBLE, Values.DOUBLE);
            w.f64(((Number) value).doubleValue());
        } else if (value instanceof String text) {
            w.field(Wire.STRING, Values.STRING);
            string(text);
        } else if (value instanceof Boolean isTrue) {
            w.field(Wire.BOOL, Values.BOOL);
            w.bool(isTrue);
        } else if (value == null) {
            w.field(Wire.BOOL, Values.NULL);
            w.bool(true);
        } else {
            writeOther(value, depth);
        }
        w.stop();
    }

    private void writeOther(Object value, int depth) {
        if (value instanceof byte[] bytes) {
            w.field(Wire.STRING, Values.BINARY);
            w.i32(bytes.length);
            w.raw(ByteBuffer.wrap(bytes));
        } else if (value instanceof List<?> list) {
            w.field(Wire.LIST, Values.LIST);
            writeList(list, depth);
        } else if (value instanceof Map<?, ?> map) {
            w.field(Wire.MAP, Values.MAP);
            writeMap(map, depth);
        } else if (value instanceof Ref ref) {
            w.field(Wire.STRUCT, Values.REF);
            w.field(Wire.STRING, Values.REF_ID);
            string(ref.id());
            w.stop();
        } else {
            w.field(Wire.STRUCT, Values.TENSOR);
            writeArray(arrayOf(value));
        }
    }

    private void writeArray(NdArray array) {
        try {
            Tensors.write(w, array);
        } catch (TooLargeException error) {
            throw new TooLargeException(error.what(), Detail.mismatch(error.expected(), located(error.got())));
        }
    }

    /** Java's own arrays travel as arrays of one dim. */
    private NdArray arrayOf(Object value) {
        if (value instanceof float[] values) {
            return NdArray.of(values);
        } else if (value instanceof double[] values) {
            return NdArray.of(values);
        } else if (value instanceof int[] values) {
            return NdArray.of(values);
        } else if (value instanceof long[] values) {
            return NdArray.of(values);
        } else if (value instanceof short[] values) {
            return NdArray.of(values);
        } else if (value instanceof boolean[] values) {
            return NdArray.of(values);
        } else if (value instanceof String[] values) {
            return texts(values);
        }
        throw unsupported(value);
    }

    private NdArray texts(String[] values) {
        try {
            return NdArray.of(values);
        } catch (ArgumentException error) {
            throw new UnsupportedTypeException(error.what(), Detail.NONE.withGot(located(error.got())));
        }
    }

    private UnsupportedTypeException unsupported(Object value) {
        if (value instanceof BigInteger) {
            return new UnsupportedTypeException(
                    "an integer over 64 bits cannot travel", got("a BigInteger").withHelp("send it as String"));
        }
        return new UnsupportedTypeException(
                "a value of type " + value.getClass().getName() + " cannot travel",
                got("it")
                        .withExpected("null, Boolean, whole and floating numbers, String, byte[], NdArray, List, Map")
                        .withHelp("turn it into one of these first"));
    }

    private void writeList(List<?> values, int depth) {
        checkContainer(values.size(), "list", depth);
        w.list(Wire.STRUCT, values.size());
        int index = 0;
        for (Object value : values) {
            path.addLast("[" + index++ + "]");
            write(value, depth + 1);
            path.removeLast();
        }
    }

    /** Named arguments are no level of nesting: their depth is -1. */
    private void writeMap(Map<?, ?> values, int depth) {
        checkContainer(values.size(), "map", depth);
        w.map(Wire.STRING, Wire.STRUCT, values.size());
        for (Map.Entry<?, ?> entry : values.entrySet()) {
            if (!(entry.getKey() instanceof String key)) {
                throw new UnsupportedTypeException(
                        "a map travels only with String keys", got("the key " + entry.getKey()));
            }
            string(key);
            path.addLast("['" + key + "']");
            write(entry.getValue(), depth + 1);
            path.removeLast();
        }
    }

    private void checkContainer(int count, String kind, int depth) {
        if (count > Limits.CONTAINER_ITEMS) {
            throw new TooLargeException(
                    "a " + kind + " has too many items",
                    got(Integer.toString(count))
                            .withExpected("at most " + Limits.CONTAINER_ITEMS)
                            .withHelp("send numbers as an NdArray, which may be of any size"));
        }
        if (depth >= Limits.NESTING) {
            throw new TooLargeException(
                    "a value is nested too deep", Detail.NONE.withExpected("at most " + Limits.NESTING + " levels"));
        }
    }

    private void string(String text) {
        try {
            w.string(text);
        } catch (UnsupportedTypeException error) {
            throw new UnsupportedTypeException(error.what(), got(error.got()));
        }
    }

    private Detail got(String text) {
        return Detail.NONE.withGot(located(text));
    }

    /** The text, and where in the arguments the fault lies. */
    private String located(String text) {
        String where = path.isEmpty() ? "" : ", at " + String.join("", path);
        if (method == null) {
            return text + where;
        }
        String which = number == ALL ? "the arguments" : number == NAMED ? "the named arguments" : "argument " + number;
        return text + where + " (" + which + " of " + method + ")";
    }
}
