package io.pyrpc;

import java.util.List;

/**
 * Which arrays fit.
 *
 * @param dtypes NumPy's names ("float32"); empty: any
 * @param dims a name, a number, "_" (any) or, first only, "..." (any number of dims); null: any shape
 */
public record TensorSpec(List<String> dtypes, List<String> dims) {
    public TensorSpec {
        dtypes = List.copyOf(dtypes);
        dims = dims == null ? null : List.copyOf(dims);
    }
}
