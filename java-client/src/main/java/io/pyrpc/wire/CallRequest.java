package io.pyrpc.wire;

import java.util.List;
import java.util.Map;

/**
 * One attempt at one call. Arrays in it must not change until it is sent.
 *
 * @param positional null, Boolean, whole and floating numbers, String, byte[], NdArray, List, Map with String keys, Ref
 * @param rows null: {@code call}; else {@code run} with so many rows, negative for a reduction
 * @param requestId unique at this client; its lower 31 bits are the sequence number
 * @param attempt 0 for the first
 * @param token bearer token, or null
 * @param remainingMs time left for all attempts; below 0: no limit
 * @param context W3C trace context; may be empty
 */
public record CallRequest(
        String method,
        List<?> positional,
        Map<String, ?> named,
        Long rows,
        long requestId,
        int attempt,
        String token,
        long remainingMs,
        Map<String, String> context) {
    /** A single call with no more than its arguments. */
    public static CallRequest of(String method, List<?> positional, long requestId) {
        return new CallRequest(method, positional, Map.of(), null, requestId, 0, null, -1, Map.of());
    }

    /** What Thrift calls the message. */
    public String rpc() {
        return rows == null ? "call" : "run";
    }

    /** Shows no values and no token. */
    @Override
    public String toString() {
        return rpc() + " " + method + " #" + requestId;
    }
}
