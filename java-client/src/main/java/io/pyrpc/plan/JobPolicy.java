package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Who gets the next piece of a job: one of {@link #names}, or a balancer of one's own. Immutable; a balancer that keeps
 * state serves one job at a time.
 */
public final class JobPolicy {
    private static final List<String> MADE_FOR_JOBS = List.of("min_max", "pull", "round_robin", "random_priority");
    private static final Set<String> NAMES = allNames();
    private static final JobPolicy MIN_MAX = new JobPolicy("min_max", null);

    private final String name;
    private final Balancer own;

    private JobPolicy(String name, Balancer own) {
        this.name = name;
        this.own = own;
    }

    private static Set<String> allNames() {
        Set<String> names = new LinkedHashSet<>(MADE_FOR_JOBS);
        names.addAll(Balancers.names());
        return Collections.unmodifiableSet(names);
    }

    /** The names that there are: those made for jobs, then the balancers of single calls. */
    public static Set<String> names() {
        return NAMES;
    }

    /** The earliest predicted finish. */
    public static JobPolicy ofDefaults() {
        return MIN_MAX;
    }

    /**
     * A policy by its name.
     *
     * @throws ConfigException no policy of that name; the message lists them
     */
    public static JobPolicy named(String name) {
        if (name == null || !NAMES.contains(name)) {
            throw new ConfigException(
                    "no such policy for jobs",
                    Detail.mismatch(
                            String.join(", ", NAMES) + " or a Balancer of your own", String.valueOf(name)));
        }
        return new JobPolicy(name, null);
    }

    /**
     * A balancer of one's own as a policy: it picks among the nodes that have a free slot. If it fails, or names no
     * node, the job fails with a ConfigException.
     *
     * @throws ConfigException it is null
     */
    public static JobPolicy of(Balancer own) {
        if (own == null) {
            throw new ConfigException("no such policy for jobs", Detail.mismatch("a Balancer", "null"));
        }
        return new JobPolicy(own.getClass().getSimpleName(), own);
    }

    /** Its name, or that of the class where it is a user's own. */
    public String name() {
        return name;
    }

    boolean isOwn() {
        return own != null;
    }

    /** Who picks; for one job. */
    Balancer balancer() {
        return own == null ? Balancers.named(name) : Balancers.checked(own);
    }

    @Override
    public String toString() {
        return name;
    }
}
