package io.pyrpc.transport;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Host and port of a node. */
public record Endpoint(String host, int port) {
    public static final int DEFAULT_PORT = 9090;
    public static final String DEFAULT_HOST = "127.0.0.1";

    private static final String HELP = "write host:port, e.g. 10.0.0.5:9090 or [::1]:9090; several with commas between";

    @Override
    public String toString() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    /**
     * Read {@code host:port}, {@code [v6]:port} or a host alone (port 9090, or what PYRPC_PORT says).
     *
     * @throws ConfigException it is none of these
     */
    public static Endpoint parse(String text) {
        return parse(text, System.getenv());
    }

    static Endpoint parse(String text, Map<String, String> environment) {
        String trimmed = text.strip();
        String host = trimmed;
        String port = "";
        int colon = trimmed.indexOf(':');
        if (trimmed.startsWith("[")) {
            int bracket = trimmed.indexOf(']');
            String rest = bracket < 0 ? "" : trimmed.substring(bracket + 1);
            if (bracket < 0 || !(rest.isEmpty() || rest.startsWith(":"))) {
                throw unreadable(trimmed);
            }
            host = trimmed.substring(1, bracket);
            port = rest.isEmpty() ? "" : rest.substring(1);
        } else if (colon >= 0 && trimmed.indexOf(':', colon + 1) < 0) {
            host = trimmed.substring(0, colon);
            port = trimmed.substring(colon + 1);
        }
        if (host.isEmpty() || host.chars().anyMatch(c -> Character.isWhitespace(c) || c == '/')) {
            throw unreadable(trimmed);
        }
        return new Endpoint(host, port.isEmpty() ? defaultPort(environment) : parsePort(port, trimmed));
    }

    /**
     * All the endpoints of a list with commas, in order, each once. Null means: what the environment's PYRPC_ENDPOINTS
     * says, or else the node on this host at the default port.
     *
     * @throws ConfigException one of them cannot be read, or there is none
     */
    public static List<Endpoint> parseAll(String texts) {
        return parseAll(texts, System.getenv());
    }

    static List<Endpoint> parseAll(String texts, Map<String, String> environment) {
        String named = texts != null ? texts : environment.getOrDefault("PYRPC_ENDPOINTS", "");
        if (texts == null && named.isEmpty()) {
            return List.of(new Endpoint(DEFAULT_HOST, defaultPort(environment)));
        }
        Set<Endpoint> found = new LinkedHashSet<>();
        for (String part : named.split(",")) {
            if (!part.isBlank()) {
                found.add(parse(part, environment));
            }
        }
        if (found.isEmpty()) {
            throw new ConfigException("no endpoint is named", Detail.NONE.withGot("'" + named + "'").withHelp(HELP));
        }
        return List.copyOf(new ArrayList<>(found));
    }

    private static int defaultPort(Map<String, String> environment) {
        String text = environment.getOrDefault("PYRPC_PORT", "");
        return text.isEmpty() ? DEFAULT_PORT : parsePort(text, "PYRPC_PORT=" + text);
    }

    private static int parsePort(String text, String shown) {
        boolean isNumber = !text.isEmpty() && text.length() <= 5 && text.chars().allMatch(c -> c >= '0' && c <= '9');
        if (!isNumber || Integer.parseInt(text) > 65535) {
            throw new ConfigException(
                    "a port that cannot be", Detail.mismatch("0 to 65535", "'" + shown + "'").withHelp(HELP));
        }
        return Integer.parseInt(text);
    }

    private static ConfigException unreadable(String text) {
        return new ConfigException(
                "an endpoint that cannot be read", Detail.NONE.withGot("'" + text + "'").withHelp(HELP));
    }
}
