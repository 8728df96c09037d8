package io.pyrpc.errors;

import java.io.Serializable;
import java.time.Duration;

/**
 * What an error tells beside its message; each part may be null.
 *
 * @param expected one side of a mismatch
 * @param got the other side
 * @param endpoint {@code host:port} of the node that was asked
 * @param attempt how often the call was sent before
 * @param help what to do about it
 * @param remoteType what the stage raised
 * @param remoteTraceback the traceback on the node, as text
 * @param retryAfter how long the node asks to wait
 */
public record Detail(
        String expected,
        String got,
        String endpoint,
        Integer attempt,
        String help,
        String remoteType,
        String remoteTraceback,
        Duration retryAfter)
        implements Serializable {
    /** Nothing beside the message. */
    public static final Detail NONE = new Detail(null, null, null, null, null, null, null, null);

    /** Both sides of a mismatch. */
    public static Detail mismatch(String expected, String got) {
        return NONE.withExpected(expected).withGot(got);
    }

    public Detail withExpected(String text) {
        return new Detail(text, got, endpoint, attempt, help, remoteType, remoteTraceback, retryAfter);
    }

    public Detail withGot(String text) {
        return new Detail(expected, text, endpoint, attempt, help, remoteType, remoteTraceback, retryAfter);
    }

    public Detail withEndpoint(String text) {
        return new Detail(expected, got, text, attempt, help, remoteType, remoteTraceback, retryAfter);
    }

    public Detail withAttempt(Integer number) {
        return new Detail(expected, got, endpoint, number, help, remoteType, remoteTraceback, retryAfter);
    }

    public Detail withHelp(String text) {
        return new Detail(expected, got, endpoint, attempt, text, remoteType, remoteTraceback, retryAfter);
    }

    /** What the stage raised, and where. */
    public Detail withRemote(String type, String traceback) {
        return new Detail(expected, got, endpoint, attempt, help, type, traceback, retryAfter);
    }

    public Detail withRetryAfter(Duration duration) {
        return new Detail(expected, got, endpoint, attempt, help, remoteType, remoteTraceback, duration);
    }
}
