package io.pyrpc;

import java.util.List;

/**
 * One method of a node and its contract; null means: not declared.
 *
 * @param name "Class.method", "module.function" or "function"
 * @param doc its docstring; may be empty
 * @param gives what comes back, one for each array
 * @param givesTuple the result is a list of arrays, even if {@code gives} has one entry
 * @param idempotent a second run does no harm
 * @param splittable may be run on parts of its arrays
 * @param returns the type hint of the result
 */
public record StageInfo(
        String name,
        String doc,
        List<ParamInfo> params,
        List<TensorSpec> gives,
        boolean givesTuple,
        Boolean idempotent,
        Boolean splittable,
        String returns) {
    public StageInfo {
        params = List.copyOf(params);
        gives = gives == null ? null : List.copyOf(gives);
    }
}
