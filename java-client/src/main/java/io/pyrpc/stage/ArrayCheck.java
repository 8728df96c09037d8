package io.pyrpc.stage;

import io.pyrpc.NdArray;
import io.pyrpc.TensorSpec;
import io.pyrpc.errors.ContractException;
import io.pyrpc.errors.Detail;
import io.pyrpc.wire.Ref;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** One spec, and whether an array fits it: dtype, number of dims, sizes, and named dims that agree over one call. */
final class ArrayCheck {
    private final TensorSpec spec;
    private final Set<String> accepted;
    private final boolean hasAnyLeading;
    private final List<String> dims;

    ArrayCheck(TensorSpec spec) {
        this.spec = spec;
        this.accepted = Spec.expand(spec);
        List<String> given = spec.dims();
        this.hasAnyLeading = given == null || !given.isEmpty() && given.get(0).equals(Spec.ELLIPSIS);
        this.dims = given == null ? List.of() : given.subList(hasAnyLeading ? 1 : 0, given.size());
    }

    /**
     * Refuse what does not fit. A Ref passes: the node that holds it knows more.
     *
     * @param name what the array is called in messages
     * @param sizes of named dims; read and filled, so that one map for all arrays of a call makes them agree
     * @param where the stage, for messages
     * @throws ContractException with the spec, what was got, and help
     */
    void check(String name, Object value, Map<String, Long> sizes, String where) {
        if (value instanceof Ref) {
            return;
        }
        if (!(value instanceof NdArray array)) {
            throw misfit(name, "is not an NdArray", value, sizes, where, "make it one: NdArray.of(...)");
        }
        if (!dtypeFits(array)) {
            String wanted = spec.dtypes().get(0);
            throw misfit(name, "has the wrong dtype", value, sizes, where, "convert it to " + wanted);
        }
        Map<String, Long> bound = new HashMap<>(sizes);
        if (!shapeFits(array.shape(), bound)) {
            throw misfit(name, "has the wrong shape", value, sizes, where, shapeHelp(array.shape(), sizes));
        }
        sizes.putAll(bound);
    }

    private boolean dtypeFits(NdArray array) {
        String name = Spec.dtypeName(array.dtype());
        int bracket = name.indexOf('[');
        // "datetime64" takes any unit: the name up to its bracket.
        String bare = bracket < 0 ? name : name.substring(0, bracket);
        return accepted.isEmpty() || accepted.contains(name) || accepted.contains(bare);
    }

    private boolean shapeFits(long[] shape, Map<String, Long> bound) {
        if (hasAnyLeading ? shape.length < dims.size() : shape.length != dims.size()) {
            return false;
        }
        int offset = shape.length - dims.size();
        for (int index = 0; index < dims.size(); index++) {
            String dim = dims.get(index);
            long size = shape[offset + index];
            if (isNumber(dim) ? Long.parseLong(dim) != size : !isBoundTo(dim, size, bound)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isBoundTo(String dim, long size, Map<String, Long> bound) {
        if (dim.equals("_")) {
            return true;
        }
        Long known = bound.putIfAbsent(dim, size);
        return known == null || known == size;
    }

    private static boolean isNumber(String dim) {
        return Character.isDigit(dim.charAt(0));
    }

    private ContractException misfit(
            String name, String what, Object value, Map<String, Long> sizes, String where, String help) {
        return new ContractException(
                where + ": " + name + " " + what,
                Detail.mismatch(Spec.format(withSizes(sizes)), Spec.format(value)).withHelp(help));
    }

    private TensorSpec withSizes(Map<String, Long> sizes) {
        if (spec.dims() == null) {
            return spec;
        }
        List<String> shown = spec.dims().stream()
                .map(dim -> sizes.containsKey(dim) ? dim + "=" + sizes.get(dim) : dim)
                .toList();
        return new TensorSpec(spec.dtypes(), shown);
    }

    private String shapeHelp(long[] shape, Map<String, Long> sizes) {
        int missing = dims.size() - shape.length;
        if (missing > 0) {
            return missing == 1 ? "one row alone needs its axis of rows too: reshape it" : "reshape it";
        }
        if (missing < 0 && !hasAnyLeading) {
            return "reshape it to " + dims.size() + (dims.size() == 1 ? " dim" : " dims");
        }
        int offset = shape.length - dims.size();
        Map<String, Long> bound = new HashMap<>(sizes);
        for (int index = 0; index < dims.size(); index++) {
            String dim = dims.get(index);
            long size = shape[offset + index];
            if (isNumber(dim) && Long.parseLong(dim) != size) {
                return "make axis " + (offset + index) + " " + dim + " long";
            }
            if (!isNumber(dim) && !isBoundTo(dim, size, bound)) {
                return dim + " is " + bound.get(dim) + " already in this call, and " + size + " here: make them agree";
            }
        }
        return "reshape it";
    }
}
