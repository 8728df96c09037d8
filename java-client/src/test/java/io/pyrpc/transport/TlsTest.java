package io.pyrpc.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.NdArray;
import io.pyrpc.Tls;
import io.pyrpc.errors.AuthException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.testing.Authority;
import io.pyrpc.testing.NodeProcess;
import io.pyrpc.wire.CallRequest;
import io.pyrpc.wire.SampleArrays;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** TLS and tokens against real nodes. */
@Timeout(60)
class TlsTest {
    private static final String STAGES =
            """
            import time

            def echo(x):
                return x

            def sleep(seconds):
                time.sleep(seconds)
            """;

    @TempDir
    static Path folder;

    private static Authority authority;
    private static Authority stranger;
    private static NodeProcess node;
    private static NodeProcess plain;
    private static NodeProcess strict;
    private static Authority.Pair client;

    @BeforeAll
    static void startNodes() throws Exception {
        authority = Authority.make(folder, "ca");
        stranger = Authority.make(folder, "stranger");
        Authority.Pair pair = authority.issue("node", "localhost", "127.0.0.1");
        client = authority.issue("client", "client");
        Path tokens = Files.writeString(folder.resolve("tokens"), "one " + "a".repeat(32) + " echo\n");
        tokens.toFile().setReadable(false, false);
        tokens.toFile().setReadable(true, true);
        node = serve(pair, "--tokens", tokens.toString());
        strict = serve(pair, "--tls-ca", authority.ca().toString());
        plain = NodeProcess.start(STAGES, "stages:echo");
    }

    private static NodeProcess serve(Authority.Pair pair, String... more) {
        String[] options = new String[4 + more.length];
        System.arraycopy(
                new String[] {"--tls-cert", pair.cert().toString(), "--tls-key", pair.key().toString()},
                0,
                options,
                0,
                4);
        System.arraycopy(more, 0, options, 4, more.length);
        return NodeProcess.start(STAGES, "stages:echo stages:sleep", options);
    }

    @AfterAll
    static void stopNodes() {
        for (NodeProcess each : new NodeProcess[] {node, plain, strict}) {
            if (each != null) {
                each.close();
            }
        }
    }

    private static Connection open(NodeProcess to, Tls tls) {
        return Connection.open(new Endpoint("127.0.0.1", to.port()), Duration.ofSeconds(10), tls);
    }

    private static long soon() {
        return System.nanoTime() + 20_000_000_000L;
    }

    private static CallRequest request(String method, Object argument, String token) {
        return new CallRequest(method, List.of(argument), Map.of(), null, 1, 0, token, -1, Map.of());
    }

    private static Object echo(Connection connection, Object value, String token) {
        return connection.invoke(request("echo", value, token), soon(), null).value();
    }

    @Test
    void arraysTravelInASession() {
        try (Connection connection = open(strict, Tls.ofCa(authority.ca()).withCert(client.cert(), client.key()))) {
            for (NdArray array : SampleArrays.samples()) {
                assertEquals(array, echo(connection, array, null));
            }
            float[] values = new float[3_000_000];
            for (int i = 0; i < values.length; i++) {
                values[i] = i;
            }
            assertEquals(NdArray.of(values), echo(connection, NdArray.of(values), null));
            NdArray whole = NdArray.of(new float[6_000_000], 2, 3_000_000);
            connection.invoke(
                    request("echo", NdArray.of(values, 1, 3_000_000), null),
                    soon(),
                    (dtype, shape) -> whole.rows(1, 2));
            assertEquals(values[77], whole.getFloat(1, 77));
        }
    }

    @Test
    void tokenIsShownBeforeTheFirstLargeMessage() {
        NdArray large = NdArray.of(new float[1_000_000]);
        try (Connection connection = open(node, Tls.ofCa(authority.ca()))) {
            assertEquals(large, echo(connection, large, "a".repeat(32)));
            assertEquals(large, echo(connection, large, "a".repeat(32)));
        }
        try (Connection connection = open(node, Tls.ofCa(authority.ca()))) {
            assertThrows(AuthException.class, () -> echo(connection, large, "b".repeat(32)));
        }
    }

    @Test
    void tokenGivesTheRightToItsStagesAlone() {
        try (Connection connection = open(node, Tls.ofCa(authority.ca()))) {
            assertEquals(5L, echo(connection, 5, "a".repeat(32)));
            assertFalse(assertThrows(AuthException.class, () -> echo(connection, 5, null)).isDenied());
            assertFalse(assertThrows(AuthException.class, () -> echo(connection, 5, "b".repeat(32))).isDenied());
            AuthException denied = assertThrows(
                    AuthException.class,
                    () -> connection.invoke(request("sleep", 1, "a".repeat(32)), soon(), null));
            assertTrue(denied.isDenied());
            connection.ping(soon());
            assertThrows(AuthException.class, () -> connection.stages(null, soon()));
            assertFalse(connection.stages("a".repeat(32), soon()).isEmpty());
        }
    }

    private static TlsException refusal(NodeProcess to, Tls tls) {
        return assertThrows(TlsException.class, () -> {
            try (Connection connection = open(to, tls)) {
                // In TLS 1.3 a node looks at the client's certificate after the handshake.
                echo(connection, 1, null);
            }
        });
    }

    @Test
    void nodeThatIsNotTrustedIsRefused() {
        assertTrue(refusal(node, Tls.ofCa(stranger.ca())).what().contains("not signed by a CA"));
        assertTrue(refusal(node, Tls.DEFAULT).what().contains("not signed by a CA"));
        Tls other = Tls.ofCa(authority.ca()).withServerName("elsewhere.example");
        assertTrue(refusal(node, other).what().contains("another host"));
    }

    @Test
    void certificateOutOfItsTimeIsRefused() {
        try (NodeProcess old = serve(authority.issue("old", Duration.ofDays(-3), "127.0.0.1"))) {
            assertTrue(refusal(old, Tls.ofCa(authority.ca())).what().contains("has expired"));
        }
        try (NodeProcess early = serve(authority.issue("early", Duration.ofDays(2), "127.0.0.1"))) {
            assertTrue(refusal(early, Tls.ofCa(authority.ca())).what().contains("not valid yet"));
        }
    }

    @Test
    void nodeThatAsksForACertificateSaysSo() {
        assertTrue(refusal(strict, Tls.ofCa(authority.ca())).what().contains("certificate"));
        Authority.Pair unknown = stranger.issue("unknown", "client");
        Tls tls = Tls.ofCa(authority.ca()).withCert(unknown.cert(), unknown.key());
        assertTrue(refusal(strict, tls).what().contains("certificate"));
    }

    @Test
    void aHostMayHaveANameThatTheFieldForItCannotHold() {
        TlsContext context = TlsContext.of(Tls.ofCa(authority.ca()));
        assertEquals("my_host", context.engine(new Endpoint("my_host", 1)).getPeerHost());
    }

    @Test
    void endsThatDoNotBothSpeakTlsAreToldSo() {
        assertTrue(refusal(plain, Tls.ofCa(authority.ca())).what().contains("does not speak TLS"));
        assertTrue(refusal(node, null).what().contains("speaks TLS"));
    }

    @Test
    void deadlineAndAbortHoldInASession() throws Exception {
        Tls tls = Tls.ofCa(authority.ca()).withCert(client.cert(), client.key());
        try (Connection connection = open(strict, tls)) {
            assertThrows(
                    DeadlineExceededException.class,
                    () -> connection.invoke(request("sleep", 5, null), System.nanoTime() + 50_000_000, null));
        }
        try (Connection connection = open(strict, tls)) {
            connection.send(request("sleep", 5, null), soon());
            assertFalse(connection.await(1_000_000));
            Thread other = new Thread(connection::abort);
            other.start();
            assertThrows(
                    CancelledException.class, () -> connection.receive(request("sleep", 5, null), soon(), null));
            other.join();
        }
    }

    @Test
    void restedSessionIsUsedAgain() {
        Tls tls = Tls.ofCa(authority.ca()).withCert(client.cert(), client.key());
        try (ConnectionPool pool =
                new ConnectionPool(
                        new Endpoint("127.0.0.1", strict.port()), Duration.ofSeconds(5), tls, false, Duration.ZERO)) {
            Connection first = pool.take(soon());
            echo(first, 1, null);
            pool.giveBack(first);
            assertEquals(first, pool.take(soon()));
            assertEquals(2L, echo(first, 2, null));
            first.close();
        }
    }

    @Test
    void filesThatCannotBeUsedAreTold() throws Exception {
        Path nothing = Files.writeString(folder.resolve("nothing.pem"), "nothing");
        Path secret = Files.writeString(
                folder.resolve("secret.pem"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END");
        List<Tls> bad = List.of(
                Tls.ofCa(folder.resolve("absent.pem")),
                Tls.ofCa(nothing),
                Tls.DEFAULT.withCert(client.cert(), nothing),
                Tls.DEFAULT.withCert(client.cert(), secret),
                Tls.DEFAULT.withCert(nothing, client.key()),
                new Tls(null, null, client.key(), null));
        for (Tls tls : bad) {
            ConfigException error = assertThrows(ConfigException.class, () -> TlsContext.of(tls), tls.toString());
            assertTrue(error.help() != null);
        }
        assertInstanceOf(TlsContext.class, TlsContext.of(Tls.DEFAULT.withCert(client.cert(), client.key())));
        Path both = Files.writeString(
                folder.resolve("both.pem"), Files.readString(client.cert()) + Files.readString(client.key()));
        assertInstanceOf(TlsContext.class, TlsContext.of(Tls.DEFAULT.withCert(both, null)));
    }
}
