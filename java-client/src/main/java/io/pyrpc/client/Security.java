package io.pyrpc.client;

import io.pyrpc.Tls;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** How a client proves who it is, and how it makes sure of the node: also from the environment. */
public final class Security {
    private static final int MAX_TOKEN_CHARS = 4096;
    private static final String HELP = "a token is a word of printable ASCII, as in the node's file of tokens";

    private static final Set<String> UNSET = Set.of("", "0", "no", "false", "off");

    private Security() {}

    /**
     * The token to send, or null.
     *
     * @param token what was given, or null: what the environment's PYRPC_TOKEN or PYRPC_TOKEN_FILE says
     * @throws ConfigException it cannot be a token, or its file cannot be read; never shows it
     */
    public static String tokenOf(String token, Map<String, String> environment) {
        if (token != null) {
            return checked(token, "the option");
        }
        String known = environment.get("PYRPC_TOKEN");
        if (known != null) {
            return known.isEmpty() ? null : checked(known, "PYRPC_TOKEN");
        }
        String path = environment.get("PYRPC_TOKEN_FILE");
        return path == null || path.isEmpty() ? null : readToken(Path.of(path));
    }

    /**
     * The token that a file holds and nothing else, but for white space around it.
     *
     * @throws ConfigException it cannot be read, or holds none
     */
    public static String readToken(Path path) {
        try {
            return checked(Files.readString(path, StandardCharsets.US_ASCII).strip(), "the file " + path);
        } catch (CharacterCodingException error) {
            // Its text would show bytes of the file.
            throw new ConfigException(
                    "the token's file holds no token", Detail.mismatch(HELP, "other bytes (" + path + ")"));
        } catch (IOException error) {
            throw new ConfigException("the token's file cannot be read", Detail.NONE.withGot(error.toString()));
        }
    }

    /**
     * What PYRPC_TLS_CA, PYRPC_TLS_CERT, PYRPC_TLS_KEY and PYRPC_TLS_SERVER_NAME say, or PYRPC_TLS=1 alone; or null.
     */
    public static Tls tlsOf(Map<String, String> environment) {
        Path ca = path(environment, "PYRPC_TLS_CA");
        Path cert = path(environment, "PYRPC_TLS_CERT");
        Path key = path(environment, "PYRPC_TLS_KEY");
        String name = environment.getOrDefault("PYRPC_TLS_SERVER_NAME", "");
        boolean isWanted = !UNSET.contains(environment.getOrDefault("PYRPC_TLS", "").toLowerCase(Locale.ROOT));
        boolean isAny = ca != null || cert != null || key != null || !name.isEmpty();
        return isWanted || isAny ? new Tls(ca, cert, key, name.isEmpty() ? null : name) : null;
    }

    /** Whether only this machine reaches an address; asks no name server. */
    static boolean isLoopback(String host) {
        return host.equals("localhost") || host.equals("::1") || host.matches("127(\\.[0-9]{1,3}){3}");
    }

    private static Path path(Map<String, String> environment, String name) {
        String text = environment.getOrDefault(name, "");
        return text.isEmpty() ? null : Path.of(text);
    }

    private static String checked(String token, String where) {
        boolean isWord = !token.isEmpty()
                && token.length() <= MAX_TOKEN_CHARS
                && token.chars().allMatch(c -> c > ' ' && c <= '~');
        if (!isWord) {
            throw new ConfigException(
                    "the token makes no sense",
                    Detail.mismatch(HELP, token.length() + " characters, not all such, as " + where));
        }
        return token;
    }
}
