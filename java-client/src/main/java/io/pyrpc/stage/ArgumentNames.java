package io.pyrpc.stage;

import io.pyrpc.ParamInfo;
import io.pyrpc.ParamKind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which counts and names of arguments a function takes, by Python's rules. */
final class ArgumentNames {
    private static final int UNBOUNDED = Integer.MAX_VALUE;
    /** Of the names that a wrong call gives; it may give thousands. */
    private static final int MAX_SHOWN = 5;

    private static final int MAX_CHARS = 64;

    private final List<String> positional = new ArrayList<>();
    private final List<String> namedOnly = new ArrayList<>();
    private final Set<String> requiredNamed = new LinkedHashSet<>();
    /** Where what a name gives stands; named-only ones stand after every position. */
    private final Map<String, Integer> byName = new LinkedHashMap<>();

    private int requiredCount;
    private boolean takesAnyName;
    private boolean takesAnyCount;

    ArgumentNames(List<ParamInfo> params) {
        for (ParamInfo param : params) {
            switch (param.kind()) {
                case POSITIONAL_ONLY, POSITIONAL_OR_NAMED -> {
                    if (param.kind() == ParamKind.POSITIONAL_OR_NAMED) {
                        byName.put(param.name(), positional.size());
                    }
                    positional.add(param.name());
                    requiredCount += param.hasDefault() ? 0 : 1;
                }
                case NAMED_ONLY -> {
                    namedOnly.add(param.name());
                    if (!param.hasDefault()) {
                        requiredNamed.add(param.name());
                    }
                }
                case VAR_POSITIONAL -> takesAnyCount = true;
                case VAR_NAMED -> takesAnyName = true;
            }
        }
        namedOnly.forEach(name -> byName.put(name, UNBOUNDED));
    }

    private int mostPositional() {
        return takesAnyCount ? UNBOUNDED : positional.size();
    }

    /** Whether a call with so many positional arguments and these names can be made. */
    boolean fit(int count, Set<String> names) {
        if (count > mostPositional()) {
            return false;
        }
        int filled = count;
        for (String name : names) {
            Integer place = byName.get(name);
            if (place == null ? !takesAnyName : place < count) {
                return false;
            }
            // Each name fills a place of its own past the positional ones, so counting them is enough.
            filled += place != null && place < requiredCount ? 1 : 0;
        }
        return filled >= requiredCount && names.containsAll(requiredNamed);
    }

    /** What is wrong with a call that does not fit. */
    String problems(int count, Set<String> names) {
        List<String> got = new ArrayList<>();
        if (count > mostPositional()) {
            got.add(count + " positional, at most " + mostPositional());
        }
        missing(count, names).forEach(name -> got.add("missing " + name));
        if (!takesAnyName) {
            names.stream()
                    .filter(this::isPositionalOnly)
                    .forEach(name -> got.add(name + " by name, which goes by position only"));
        }
        names.stream()
                .filter(name -> byName.getOrDefault(name, UNBOUNDED) < count)
                .forEach(name -> got.add(name + " twice"));
        List<String> unexpected = unexpected(names);
        unexpected.stream().limit(MAX_SHOWN).forEach(name -> got.add("unexpected " + cut(name)));
        if (unexpected.size() > MAX_SHOWN) {
            got.add("and " + (unexpected.size() - MAX_SHOWN) + " more");
        }
        return String.join(", ", got);
    }

    /** What to do about a call that does not fit. */
    String help(int count, Set<String> names) {
        List<String> unexpected = unexpected(names);
        List<String> near =
                unexpected.isEmpty() ? List.of() : CloseMatches.of(cut(unexpected.get(0)), byName.keySet(), 1);
        if (!near.isEmpty()) {
            return "did you mean '" + near.get(0) + "'?";
        }
        List<String> missing = missing(count, names);
        if (!missing.isEmpty()) {
            return "give " + String.join(", ", missing) + " too";
        }
        List<String> parameters = new ArrayList<>(positional);
        parameters.addAll(namedOnly);
        return parameters.isEmpty() ? "it takes no arguments" : "the parameters are " + String.join(", ", parameters);
    }

    private boolean isPositionalOnly(String name) {
        return !byName.containsKey(name) && positional.contains(name);
    }

    private List<String> unexpected(Set<String> names) {
        if (takesAnyName) {
            return List.of();
        }
        return names.stream()
                .filter(name -> !byName.containsKey(name) && !positional.contains(name))
                .toList();
    }

    private List<String> missing(int count, Set<String> names) {
        List<String> missing = new ArrayList<>();
        for (int place = count; place < requiredCount; place++) {
            String name = positional.get(place);
            if (!names.contains(name) || !byName.containsKey(name)) {
                missing.add(name);
            }
        }
        requiredNamed.stream().filter(name -> !names.contains(name)).forEach(missing::add);
        return missing;
    }

    private static String cut(String name) {
        return name.substring(0, Math.min(MAX_CHARS, name.length()));
    }
}
