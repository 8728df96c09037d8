package io.pyrpc.stage;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.TensorSpec;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** Specs of arrays as texts: {@code float32|float64[n,28,28]}. */
public final class Spec {
    static final String ELLIPSIS = "...";
    /** What a class of dtypes stands for. "number" is NumPy's: complex included, bool not. */
    static final Map<String, List<String>> CLASSES = Map.of(
            "int", List.of("int8", "int16", "int32", "int64"),
            "uint", List.of("uint8", "uint16", "uint32", "uint64"),
            "float", List.of("float16", "bfloat16", "float32", "float64"),
            "number",
                    List.of("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
                            "bfloat16", "float32", "float64", "complex64", "complex128"));

    private static final Pattern UNIT =
            Pattern.compile("([1-9][0-9]{0,9})?(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)|generic");

    private static final List<DType> PLAIN = List.of(
            DType.BOOL, DType.INT8, DType.INT16, DType.INT32, DType.INT64, DType.UINT8, DType.UINT16, DType.UINT32,
            DType.UINT64, DType.FLOAT16, DType.BFLOAT16, DType.FLOAT32, DType.FLOAT64, DType.COMPLEX64,
            DType.COMPLEX128, DType.STRING);

    private Spec() {}

    /** The text of a spec. */
    static String format(TensorSpec spec) {
        String dtypes = spec.dtypes().isEmpty() ? "any" : String.join("|", spec.dtypes());
        if (spec.dims() == null) {
            return dtypes;
        }
        String dims = String.join(",", spec.dims());
        boolean isTime = dtypes.endsWith("datetime64") || dtypes.endsWith("timedelta64");
        // What would read as a unit is written with a comma, as a tuple of one is.
        String comma = isTime && UNIT.matcher(dims).matches() ? "," : "";
        return dtypes + "[" + dims + comma + "]";
    }

    /** What an array is, as specs write it; the type's name for anything else. */
    static String format(Object value) {
        if (value instanceof NdArray array) {
            String shape = LongStream.of(array.shape()).mapToObj(Long::toString).collect(Collectors.joining(","));
            return dtypeName(array.dtype()) + "[" + shape + "]";
        }
        return value == null ? "null" : value.getClass().getSimpleName();
    }

    /** The names that fit, classes written out; empty: any. */
    static Set<String> expand(TensorSpec spec) {
        Set<String> names = new LinkedHashSet<>();
        spec.dtypes().forEach(name -> names.addAll(CLASSES.getOrDefault(name, List.of(name))));
        return names;
    }

    /** The name of a dtype as specs write it: no widths of text, but the unit of times. */
    public static String dtypeName(DType dtype) {
        return switch (dtype.kind()) {
            case BYTES -> "bytes";
            case UNICODE -> "str";
            case DATETIME64 -> "datetime64[" + dtype.unit() + "]";
            case TIMEDELTA64 -> "timedelta64[" + dtype.unit() + "]";
            default -> dtype.toString();
        };
    }

    /** The dtype that a spec's name means alone; null where it leaves something open. */
    public static DType dtypeOf(String name) {
        for (DType dtype : PLAIN) {
            if (dtype.toString().equals(name)) {
                return dtype;
            }
        }
        if (name.equals("bytes")) {
            return DType.bytes(1);
        }
        if (name.equals("str")) {
            return DType.unicode(1);
        }
        int bracket = name.indexOf('[');
        if (bracket < 0 || !name.endsWith("]")) {
            return null;
        }
        String unit = name.substring(bracket + 1, name.length() - 1);
        return name.startsWith("datetime64") ? DType.datetime64(unit) : DType.timedelta64(unit);
    }
}
