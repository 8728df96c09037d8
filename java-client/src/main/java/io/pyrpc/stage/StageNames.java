package io.pyrpc.stage;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.UnknownMethodException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Names of stages: what to say of one that is not there. */
public final class StageNames {
    private static final int MAX_NAME_CHARS = 128;
    private static final int MAX_LISTED = 10;

    private StageNames() {}

    /**
     * The error for a name that is not among those known: which part of it is unknown, and what is near.
     *
     * @param name the name that was asked for; cut when it is longer than any name can be
     * @param known full names
     */
    public static UnknownMethodException unknown(String name, Collection<String> known) {
        String asked = name.substring(0, Math.min(name.length(), MAX_NAME_CHARS));
        List<String> names = List.copyOf(new TreeSet<>(known));
        Map<String, List<String>> methods = new LinkedHashMap<>();
        List<String> functions = new ArrayList<>();
        for (String each : names) {
            int dot = each.lastIndexOf('.');
            if (dot < 0) {
                functions.add(each);
            } else {
                methods.computeIfAbsent(each.substring(0, dot), service -> new ArrayList<>()).add(each);
            }
        }
        int dot = asked.lastIndexOf('.');
        return dot > 0
                ? unknownMethod(asked.substring(0, dot), asked.substring(dot + 1), names, methods, functions)
                : unknownFunction(asked.substring(dot + 1), names, methods, functions);
    }

    private static UnknownMethodException unknownMethod(
            String service,
            String method,
            List<String> names,
            Map<String, List<String>> methods,
            List<String> functions) {
        List<String> siblings = methods.get(service);
        if (siblings != null) {
            String near = nearest(method, siblings, service + ".");
            return error(
                    "service '" + service + "' has no method '" + method + "'", near, "it has " + listed(siblings));
        }
        String near = nearest(service, methods.keySet(), "");
        near = near.isEmpty() ? nearest(method, functions, "") : near;
        List<String> services = methods.isEmpty() ? names : List.copyOf(methods.keySet());
        return error("service '" + service + "' is not here", near, "here are " + listed(services));
    }

    private static UnknownMethodException unknownFunction(
            String name, List<String> names, Map<String, List<String>> methods, List<String> functions) {
        if (methods.containsKey(name)) {
            return error("'" + name + "' is a service, not a stage", "", "call " + listed(methods.get(name)));
        }
        // Without a dot it may be a method whose service was left out.
        List<String> same = names.stream().filter(each -> each.endsWith("." + name)).toList();
        List<String> all = new ArrayList<>(functions);
        all.addAll(methods.keySet());
        String near = same.isEmpty() ? nearest(name, all, "") : didYouMean(same);
        return error("stage '" + name + "' is not here", near, "here are " + listed(names));
    }

    private static UnknownMethodException error(String message, String near, String otherwise) {
        return new UnknownMethodException(message, Detail.NONE.withHelp(near.isEmpty() ? otherwise : near));
    }

    /** The question whether one of the nearest is meant, compared without the prefix that all have; "" if none is. */
    private static String nearest(String name, Collection<String> candidates, String prefix) {
        List<String> bare = candidates.stream().map(each -> each.substring(prefix.length())).toList();
        List<String> near = CloseMatches.of(name, bare, 3);
        return near.isEmpty() ? "" : didYouMean(near.stream().map(each -> prefix + each).toList());
    }

    private static String didYouMean(List<String> names) {
        List<String> quoted = names.stream().limit(3).map(name -> "'" + name + "'").toList();
        return "did you mean " + String.join(" or ", quoted) + "?";
    }

    private static String listed(List<String> names) {
        if (names.isEmpty()) {
            return "no stages at all";
        }
        String shown = String.join(", ", names.subList(0, Math.min(MAX_LISTED, names.size())));
        return names.size() > MAX_LISTED ? shown + " and " + (names.size() - MAX_LISTED) + " more" : shown;
    }
}
