package io.pyrpc;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The arguments of a call or job, by position and by name: {@code Args.of(images).named("scale", 0.5)}. Immutable.
 *
 * <p>What travels: null, Boolean, whole numbers (as Long), Float and Double (as Double), String, byte[], {@link
 * NdArray}, lists, and maps with keys of text.
 */
public final class Args {
    private static final Args NONE = new Args(List.of(), Map.of());

    private final List<Object> positional;
    private final Map<String, Object> named;

    private Args(List<Object> positional, Map<String, Object> named) {
        this.positional = positional;
        this.named = named;
    }

    /** No arguments. */
    public static Args none() {
        return NONE;
    }

    /** Arguments by position. The array is copied, its values are not. */
    public static Args of(Object... positional) {
        // A lone null is meant as one argument, though Java passes it as no array.
        List<Object> values = positional == null ? Arrays.asList((Object) null) : Arrays.asList(positional.clone());
        return new Args(Collections.unmodifiableList(values), Map.of());
    }

    /**
     * These arguments and one more by name.
     *
     * @throws ArgumentException the name is given already
     */
    public Args named(String name, Object value) {
        return named(Collections.singletonMap(name, value));
    }

    /**
     * These arguments and more by name.
     *
     * @throws ArgumentException a name is null or given already
     */
    public Args named(Map<String, ?> more) {
        Map<String, Object> all = new LinkedHashMap<>(named);
        more.forEach((name, value) -> {
            if (name == null || all.containsKey(name)) {
                throw new ArgumentException(
                        name == null ? "an argument without a name" : "the argument " + name + " is named twice",
                        Detail.NONE.withHelp("give each name once"));
            }
            all.put(name, value);
        });
        return new Args(positional, Collections.unmodifiableMap(all));
    }

    /** By position; not to be changed. */
    public List<Object> positional() {
        return positional;
    }

    /** By name, in the order they were given; not to be changed. */
    public Map<String, Object> named() {
        return named;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Args args && positional.equals(args.positional) && named.equals(args.named);
    }

    @Override
    public int hashCode() {
        return Objects.hash(positional, named);
    }

    /** How many there are, and the names; not the values, which may be large or secret. */
    @Override
    public String toString() {
        return "Args[" + positional.size() + " by position, by name " + named.keySet() + "]";
    }
}
