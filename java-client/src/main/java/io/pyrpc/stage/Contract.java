package io.pyrpc.stage;

import io.pyrpc.NdArray;
import io.pyrpc.ParamInfo;
import io.pyrpc.ParamKind;
import io.pyrpc.StageInfo;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.ContractException;
import io.pyrpc.errors.Detail;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a stage takes, as its node told. Immutable and thread-safe. */
public final class Contract {
    private final StageInfo info;
    private final ArgumentNames names;
    private final List<Checked> checked = new ArrayList<>();
    private final Set<String> known = new HashSet<>();

    /** A parameter that is declared as an array, and at which position it stands. */
    private record Checked(ParamInfo param, int place, ArrayCheck check) {}

    /** The contract of a stage. */
    public Contract(StageInfo info) {
        this.info = info;
        this.names = new ArgumentNames(info.params());
        int place = 0;
        for (ParamInfo param : info.params()) {
            boolean isNamed = param.kind() == ParamKind.NAMED_ONLY;
            if (isNamed || param.kind() == ParamKind.POSITIONAL_OR_NAMED) {
                known.add(param.name());
            }
            boolean isByPosition = !isNamed && param.kind() != ParamKind.VAR_NAMED;
            if (param.tensor() != null) {
                int here = isByPosition ? place : Integer.MAX_VALUE;
                checked.add(new Checked(param, here, new ArrayCheck(param.tensor())));
            }
            place += isByPosition ? 1 : 0;
        }
    }

    /**
     * Check a call before anything is sent: counts, names and arrays.
     *
     * @return sizes of the named dims that the arrays bound
     * @throws ArgumentException wrong count or names; {@code expected} is the readable signature
     * @throws ContractException an array that does not fit
     */
    public Map<String, Long> bind(List<?> positional, Map<String, ?> named) {
        if (!names.fit(positional.size(), named.keySet())) {
            throw new ArgumentException(
                    info.name() + " was called with the wrong arguments",
                    Detail.mismatch(Description.of(info), names.problems(positional.size(), named.keySet()))
                            .withHelp(names.help(positional.size(), named.keySet())));
        }
        Map<String, Long> sizes = new HashMap<>();
        for (Checked one : checked) {
            check(one, positional, named, sizes);
        }
        return sizes;
    }

    private void check(Checked one, List<?> positional, Map<String, ?> named, Map<String, Long> sizes) {
        String name = one.param.name();
        if (one.param.kind() == ParamKind.VAR_POSITIONAL) {
            for (int place = one.place; place < positional.size(); place++) {
                checkValue(one, name + "[" + (place - one.place) + "]", positional.get(place), sizes);
            }
        } else if (one.param.kind() == ParamKind.VAR_NAMED) {
            named.forEach((each, value) -> {
                if (!known.contains(each)) {
                    checkValue(one, each, value, sizes);
                }
            });
        } else if (one.place < positional.size()) {
            checkValue(one, name, positional.get(one.place), sizes);
        } else if (one.param.kind() != ParamKind.POSITIONAL_ONLY && named.containsKey(name)) {
            checkValue(one, name, named.get(name), sizes);
        }
    }

    private void checkValue(Checked one, String name, Object value, Map<String, Long> sizes) {
        // A caller does not know the default: it may be None.
        if (value != null || !one.param.hasDefault()) {
            one.check.check(name, value, sizes, info.name());
        }
    }

    /**
     * The arrays of 0 rows that the stage would give for 0 rows.
     *
     * @param sizes as {@link #bind} gives them for the empty inputs; a first dim counts as the rows: 0
     * @return an NdArray, a list of such, or null: the contract leaves a dtype or a dim open
     */
    public Object emptyResult(Map<String, Long> sizes) {
        return EmptyResult.of(info, sizes);
    }
}
