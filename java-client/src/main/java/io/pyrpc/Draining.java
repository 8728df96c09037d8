package io.pyrpc;

import io.pyrpc.client.Security;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import io.pyrpc.transport.Connection;
import io.pyrpc.transport.Endpoint;
import java.time.Duration;

/**
 * Asks one node to go away: it refuses new calls, finishes what runs, and its process ends. Clients call other nodes
 * from then on; no call of theirs fails, as long as there are any. Immutable.
 *
 * <p>{@code Draining.of("h1:9090").withWait(Duration.ofSeconds(30)).drain()}
 */
public final class Draining {
    private final String endpoint;
    private final Duration grace;
    private final Duration wait;
    private final Tls tls;
    private final String token;

    private Draining(String endpoint, Duration grace, Duration wait, Tls tls, String token) {
        this.endpoint = endpoint;
        this.grace = grace;
        this.wait = wait;
        this.tls = tls;
        this.token = token;
    }

    /** Of a node, {@code host:port}; TLS and token are what the environment says. */
    public static Draining of(String endpoint) {
        return new Draining(endpoint, null, null, null, null);
    }

    /** For what runs; by default as the node was started (25 s). */
    public Draining withGrace(Duration time) {
        return new Draining(endpoint, time, wait, tls, token);
    }

    /**
     * Wait until the node has finished, so long at most; by default it is asked, and that is all. Of a node with worker
     * processes: until the one that was asked has.
     */
    public Draining withWait(Duration time) {
        return new Draining(endpoint, grace, time, tls, token);
    }

    /** As for a client. */
    public Draining withTls(Tls certificates) {
        return new Draining(endpoint, grace, wait, certificates, token);
    }

    /** As for a client. */
    public Draining withToken(String word) {
        return new Draining(endpoint, grace, wait, tls, word);
    }

    /**
     * Ask the node, which has 5 s to answer.
     *
     * @return its state is DRAINING
     * @throws io.pyrpc.errors.UnreachableException nobody is there
     * @throws io.pyrpc.errors.AuthException the token does not give the right to all stages of the node
     * @throws DeadlineExceededException no answer in time, or the node has not finished in time
     */
    public NodeInfo drain() {
        Duration answer = Duration.ofSeconds(5);
        Tls speaks = tls == null ? Security.tlsOf(System.getenv()) : tls;
        String word = Security.tokenOf(token, System.getenv());
        try (Connection connection = Connection.open(Endpoint.parse(endpoint), answer, speaks)) {
            NodeInfo info = connection.drain(grace, word, System.nanoTime() + answer.toNanos());
            // The node closes the connection when nothing runs any more.
            if (wait != null && !connection.await(wait.toNanos())) {
                throw new DeadlineExceededException(
                        "the node has not finished what it runs",
                        Detail.NONE.withExpected("at most " + wait)
                                .withEndpoint(endpoint)
                                .withHelp("wait for longer, or give it less time with withGrace"));
            }
            return info;
        }
    }
}
