package io.pyrpc;

import io.pyrpc.client.Parts;
import io.pyrpc.client.Security;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.JobPolicy;
import io.pyrpc.plan.PingPlan;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/** Options of a client, with the defaults of the Python client. Not thread-safe. */
public final class PyrpcClientBuilder {
    private final Map<String, String> environment;
    private String endpoints;
    private Duration timeout = Duration.ofSeconds(60);
    private Duration connectTimeout = Duration.ofSeconds(5);
    private Supplier<Balancer> policy = () -> null;
    private JobPolicy jobPolicy = JobPolicy.ofDefaults();
    private Integer window;
    private Long seed;
    private Tls tls;
    private boolean isPlain;
    private String token;
    private boolean checksums;
    private Duration pingInterval = Duration.ofNanos((long) (PingPlan.EVERY_S * 1e9));

    PyrpcClientBuilder() {
        this(System.getenv());
    }

    /** For tests: with another environment. */
    PyrpcClientBuilder(Map<String, String> environment) {
        this.environment = environment;
    }

    /**
     * The nodes: {@code "h1:9090,h2:9091"}. By default the environment's PYRPC_ENDPOINTS, or the node on this machine.
     */
    public PyrpcClientBuilder endpoints(String names) {
        endpoints = names;
        return this;
    }

    /** The same as a list. */
    public PyrpcClientBuilder endpoints(List<String> names) {
        return endpoints(String.join(",", names));
    }

    /** For single calls that do not say otherwise, all attempts included; by default 60 s. Null: no limit. */
    public PyrpcClientBuilder timeout(Duration limit) {
        timeout = limit;
        return this;
    }

    /** For opening a connection; by default 5 s. */
    public PyrpcClientBuilder connectTimeout(Duration limit) {
        connectTimeout = Objects.requireNonNull(limit, "connectTimeout");
        return this;
    }

    /**
     * Who gets a single call: "min_max" (default for up to 16 nodes), "power_of_two" (default for more), "peak_ewma",
     * "least_loaded", "round_robin", "weighted", "random" or "random_priority".
     *
     * @throws ConfigException no policy of that name
     */
    public PyrpcClientBuilder policy(String name) {
        Balancers.named(name);
        // A new one for each client that is built: it keeps state.
        policy = () -> Balancers.named(name);
        return this;
    }

    /** Who gets a single call, as an object of your own; {@code io.pyrpc.testing.BalancerCheck} tests one. */
    public PyrpcClientBuilder policy(Balancer balancer) {
        Objects.requireNonNull(balancer, "policy");
        policy = () -> balancer;
        return this;
    }

    /**
     * Who gets the next chunk of a map or reduce: "min_max" (default: the node that is predicted to be done with it
     * first), "pull" (whoever is free), or any name of {@link #policy(String)}.
     *
     * @throws ConfigException no policy of that name
     */
    public PyrpcClientBuilder jobPolicy(String name) {
        jobPolicy = JobPolicy.named(name);
        return this;
    }

    /** Who gets the next chunk, as an object of your own that chooses among the nodes which are free. */
    public PyrpcClientBuilder jobPolicy(Balancer balancer) {
        jobPolicy = JobPolicy.of(balancer);
        return this;
    }

    /**
     * Chunks in flight on each node in a job, at most. By default 2, one that runs while another one travels, and up to
     * 16 on nodes that get more done with more, which jobs find out and the client remembers.
     */
    public PyrpcClientBuilder window(int chunks) {
        window = chunks;
        return this;
    }

    /** For what is chosen at random; the same seed makes the same choices, here and in Python. */
    public PyrpcClientBuilder seed(long number) {
        seed = number;
        return this;
    }

    /** Speak TLS. By default what the environment says (PYRPC_TLS_CA ...), or else no TLS. */
    public PyrpcClientBuilder tls(Tls certificates) {
        tls = Objects.requireNonNull(certificates, "tls");
        isPlain = false;
        return this;
    }

    /** Speak no TLS, whatever the environment says. */
    public PyrpcClientBuilder withoutTls() {
        tls = null;
        isPlain = true;
        return this;
    }

    /**
     * Sent with each call, for nodes that ask for one. By default what the environment's PYRPC_TOKEN says, or the file
     * that PYRPC_TOKEN_FILE names.
     */
    public PyrpcClientBuilder token(String word) {
        token = word;
        return this;
    }

    /**
     * The same from a file that holds it and nothing else, but for white space around it; read now.
     *
     * @throws ConfigException it cannot be read, or holds no token
     */
    public PyrpcClientBuilder tokenFile(Path path) {
        return token(Security.readToken(path));
    }

    /**
     * Whether to check by CRC32C that no array changes on its way, there and back; by default not. One that did is
     * found, and the call made again where that is allowed, or else ends in a {@link
     * io.pyrpc.errors.ChecksumException}. TLS checks that by itself.
     */
    public PyrpcClientBuilder checksums(boolean isChecked) {
        checksums = isChecked;
        return this;
    }

    /**
     * With several nodes, while calls are made: after so much silence a node is asked in the background whether it is
     * there, so that no call has to find out; by default 10 s. Null: never.
     */
    public PyrpcClientBuilder pingInterval(Duration silence) {
        pingInterval = silence;
        return this;
    }

    /**
     * The client; nothing is connected before the first call.
     *
     * @throws ConfigException an endpoint or option that makes no sense
     */
    public PyrpcClient build() {
        checkDuration("timeout", timeout);
        checkDuration("connectTimeout", connectTimeout);
        checkDuration("pingInterval", pingInterval);
        long chance = seed == null ? new SecureRandom().nextLong() : seed;
        Parts.Options options = new Parts.Options(policy.get(), jobPolicy, window, chance, pingInterval);
        Tls speaks = isPlain || tls != null ? tls : Security.tlsOf(environment);
        Parts.Way way =
                new Parts.Way(endpoints, connectTimeout, speaks, Security.tokenOf(token, environment), checksums);
        return PyrpcClient.of(new Parts(way, options), timeout);
    }

    static void checkDuration(String name, Duration duration) {
        if (duration != null && (duration.isZero() || duration.isNegative())) {
            throw new ConfigException(
                    name + " makes no sense", Detail.mismatch("a duration above 0, or null", duration.toString()));
        }
    }
}
