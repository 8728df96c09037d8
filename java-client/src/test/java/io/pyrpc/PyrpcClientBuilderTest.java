package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.client.Security;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.ConfigException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PyrpcClientBuilderTest {
    private static ConfigException refused(UnaryOperator<PyrpcClientBuilder> change) {
        return assertThrows(
                ConfigException.class,
                () -> change.apply(PyrpcClient.builder().endpoints("h1:9090,h2:9091")).build());
    }

    @Test
    void anOptionThatMakesNoSenseIsRefused() {
        assertEquals("timeout makes no sense", refused(b -> b.timeout(Duration.ZERO)).what());
        refused(b -> b.connectTimeout(Duration.ofSeconds(-1)));
        refused(b -> b.pingInterval(Duration.ZERO));
        refused(b -> b.policy("best"));
        refused(b -> b.jobPolicy("best"));
        refused(b -> b.window(0));
        refused(b -> b.endpoints("h1:x"));
        refused(b -> b.endpoints(","));
        refused(b -> b.token("two words"));
        refused(b -> b.token(""));
        refused(b -> b.tls(Tls.ofCa(Path.of("no-such-file.pem"))));
    }

    @Test
    void nothingIsConnectedBeforeTheFirstCall() {
        try (PyrpcClient client = PyrpcClient.builder()
                .endpoints(List.of("h1:9090", "h2:9091", "h1:9090"))
                .timeout(null)
                .pingInterval(null)
                .seed(-1)
                .window(4)
                .policy((nodes, prng, nowS) -> 0)
                .jobPolicy("pull")
                .withoutTls()
                .build()) {
            assertEquals(List.of("h1:9090", "h2:9091"), client.endpoints());
        }
    }

    @Test
    void theTokenIsFoundWhereTheEnvironmentSays(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("token.txt"), " secret \n");
        assertEquals("given", Security.tokenOf("given", Map.of("PYRPC_TOKEN", "other")));
        assertEquals("other", Security.tokenOf(null, Map.of("PYRPC_TOKEN", "other", "PYRPC_TOKEN_FILE", "x")));
        assertNull(Security.tokenOf(null, Map.of("PYRPC_TOKEN", "", "PYRPC_TOKEN_FILE", file.toString())));
        assertEquals("secret", Security.tokenOf(null, Map.of("PYRPC_TOKEN_FILE", file.toString())));
        assertNull(Security.tokenOf(null, Map.of()));
        assertThrows(ConfigException.class, () -> Security.readToken(folder.resolve("none")));
        Files.write(file, new byte[] {(byte) 0xFF});
        assertThrows(ConfigException.class, () -> Security.readToken(file));
    }

    @Test
    void aTokenIsNeverShown() {
        ConfigException error =
                assertThrows(ConfigException.class, () -> Security.tokenOf("my secret", Map.of()));
        assertTrue(!error.getMessage().contains("secret"), error.getMessage());
    }

    @Test
    void tlsIsSpokenWhereTheEnvironmentSays() {
        assertNull(Security.tlsOf(Map.of()));
        assertNull(Security.tlsOf(Map.of("PYRPC_TLS", "off")));
        assertEquals(Tls.DEFAULT, Security.tlsOf(Map.of("PYRPC_TLS", "1")));
        assertEquals(
                Tls.ofCa(Path.of("ca.pem")).withServerName("node"),
                Security.tlsOf(Map.of("PYRPC_TLS_CA", "ca.pem", "PYRPC_TLS_SERVER_NAME", "node")));
    }

    @Test
    void argumentsAreTakenOneByOne() {
        assertEquals(Arrays.asList((Object) null), Args.of((Object[]) null).positional());
        assertEquals(List.of(), Args.of().positional());
        assertEquals(Args.none().named("a", 1).named("b", null), Args.none().named("a", 1).named("b", null));
        assertThrows(ArgumentException.class, () -> Args.none().named("a", 1).named("a", 2));
        assertEquals("Args[1 by position, by name [token]]", Args.of(1).named("token", "secret").toString());
    }

    @Test
    void aLineTellsHowFarAJobIs() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Progress line = new ProgressLine("features", new PrintStream(out, true));
        line.report(0, 1000);
        line.report(1, 1000);
        line.report(1000, 1000);
        line.report(1000, 1000);
        String[] shown = out.toString().split("\r");
        assertEquals(3, shown.length);
        assertTrue(shown[1].startsWith("features: 0/1000 rows (0%), 0 rows/s "), shown[1]);
        assertTrue(shown[2].startsWith("features: 1000/1000 rows (100%), "), shown[2]);
        assertTrue(shown[2].endsWith(System.lineSeparator()));
    }
}
