// What a connection is opened with.
package io.pyrpc.bindings;

import java.time.Duration;
import javax.net.ssl.SSLContext;

/**
 * What a connection is opened with; immutable.
 *
 * @param timeout of connecting, and of each wait for bytes
 * @param compact whether it speaks the compact protocol in place of the binary one
 * @param maxFrameBytes the largest reply to take
 * @param token for nodes that ask for one; null: none
 * @param tls what a node's certificate is checked with, such as {@link Tls#trusting}; null: no TLS
 */
public record ConnectionConfig(Duration timeout, boolean compact, int maxFrameBytes, String token, SSLContext tls) {
    /** The largest frame that a Thrift runtime can be made to take. */
    public static final int MAX_FRAME_BYTES = 0x3FFFFFFF;

    /** Checks what it is given. */
    public ConnectionConfig {
        if (timeout.toMillis() < 1 || timeout.toMillis() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("timeout: expected 1 ms to 24 days, got " + timeout);
        }
        if (maxFrameBytes < 1 || maxFrameBytes > MAX_FRAME_BYTES) {
            throw new IllegalArgumentException(
                    "maxFrameBytes: expected 1 to " + MAX_FRAME_BYTES + ", got " + maxFrameBytes);
        }
    }

    /** 30 s, the binary protocol, no token, and frames of up to 1 GiB or a quarter of the heap, whichever is less. */
    public static ConnectionConfig ofDefaults() {
        long quarter = Runtime.getRuntime().maxMemory() / 4;
        int maxFrameBytes = (int) Math.min(MAX_FRAME_BYTES, quarter);
        return new ConnectionConfig(Duration.ofSeconds(30), false, maxFrameBytes, null, null);
    }

    /** The same with another timeout. */
    public ConnectionConfig withTimeout(Duration timeout) {
        return new ConnectionConfig(timeout, compact, maxFrameBytes, token, tls);
    }

    /** The same in the compact or the binary protocol. */
    public ConnectionConfig withCompact(boolean compact) {
        return new ConnectionConfig(timeout, compact, maxFrameBytes, token, tls);
    }

    /** The same for replies up to another size. */
    public ConnectionConfig withMaxFrameBytes(int maxFrameBytes) {
        return new ConnectionConfig(timeout, compact, maxFrameBytes, token, tls);
    }

    /** The same with a token. */
    public ConnectionConfig withToken(String token) {
        return new ConnectionConfig(timeout, compact, maxFrameBytes, token, tls);
    }

    /** The same over TLS; the name of the node must be that of its certificate. */
    public ConnectionConfig withTls(SSLContext tls) {
        return new ConnectionConfig(timeout, compact, maxFrameBytes, token, tls);
    }

    /** Without the token, which does not belong into logs. */
    @Override
    public String toString() {
        return "ConnectionConfig[timeout=" + timeout + ", compact=" + compact + ", maxFrameBytes=" + maxFrameBytes
                + ", token=" + (token == null ? "null" : "***") + ", tls=" + (tls != null) + "]";
    }
}
