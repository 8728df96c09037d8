package io.pyrpc.transport;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Bytes to and from a node, with deadlines: moments of {@link System#nanoTime}, or {@link Connection#NO_DEADLINE}.
 *
 * <p>For one thread at a time, but for {@link #shut}. What fails: {@code EOFException} at the end of the stream, {@code
 * SocketTimeoutException} when the deadline comes first, {@code ClosedByInterruptException} in a thread that was
 * interrupted while it had to wait, and whatever else a socket says.
 */
interface Stream {
    /** Put at least one byte into target; waits for it. */
    void receive(ByteBuffer target, long deadline) throws IOException;

    /** Send all of the parts; returns when the machine has taken them. Their positions move. */
    void send(ByteBuffer[] parts, long deadline) throws IOException;

    /** Whether bytes, or the end of the stream, come within that time. */
    boolean await(long nanos) throws IOException;

    /** Whether the other end is still there and said nothing, as far as this end can know; takes no time. */
    boolean isAlive();

    /** Break it off from any thread; whoever waits here finds the end of the stream. */
    void shut();

    /** Close it; never fails. */
    void close();
}
