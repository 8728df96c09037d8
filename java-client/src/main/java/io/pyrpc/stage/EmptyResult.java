package io.pyrpc.stage;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.StageInfo;
import io.pyrpc.TensorSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a map over no rows gives, told by the contract alone. */
final class EmptyResult {
    private EmptyResult() {}

    /** An NdArray, a list of such, or null where the contract leaves a dtype or a dim open. */
    static Object of(StageInfo info, Map<String, Long> sizes) {
        List<NdArray> arrays = new ArrayList<>();
        if (info.gives() == null) {
            return null;
        }
        for (TensorSpec spec : info.gives()) {
            long[] shape = shape(spec, sizes);
            NdArray array = shape == null || spec.dtypes().size() != 1 ? null : empty(spec.dtypes().get(0), shape);
            if (array == null) {
                return null;
            }
            arrays.add(array);
        }
        if (arrays.isEmpty()) {
            return null;
        }
        return info.givesTuple() ? List.copyOf(arrays) : arrays.get(0);
    }

    private static NdArray empty(String name, long[] shape) {
        DType dtype = Spec.dtypeOf(name);
        return dtype == null ? null : NdArray.zeros(dtype, shape);
    }

    private static long[] shape(TensorSpec spec, Map<String, Long> sizes) {
        List<String> dims = spec.dims();
        if (dims == null || dims.isEmpty() || !isName(dims.get(0)) || sizes.getOrDefault(dims.get(0), 0L) != 0) {
            return null;
        }
        long[] shape = new long[dims.size()];
        for (int axis = 1; axis < shape.length; axis++) {
            String dim = dims.get(axis);
            Long size = Character.isDigit(dim.charAt(0)) ? Long.valueOf(dim) : sizes.get(dim);
            size = dim.equals(dims.get(0)) ? Long.valueOf(0) : size;
            if (size == null) {
                return null;
            }
            shape[axis] = size;
        }
        return shape;
    }

    private static boolean isName(String dim) {
        return !dim.equals("_") && !dim.equals(Spec.ELLIPSIS) && !Character.isDigit(dim.charAt(0));
    }
}
