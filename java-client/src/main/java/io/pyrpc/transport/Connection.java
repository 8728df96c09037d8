package io.pyrpc.transport;

import io.pyrpc.NodeInfo;
import io.pyrpc.NodeStats;
import io.pyrpc.StageInfo;
import io.pyrpc.Tls;
import io.pyrpc.wire.CallReply;
import io.pyrpc.wire.CallRequest;
import io.pyrpc.wire.Ref;
import io.pyrpc.wire.RowPlace;
import java.time.Duration;
import java.util.List;

/**
 * A connection to one node: one caller at a time; only {@link #abort} may be called from another thread.
 *
 * <p>Deadlines are moments of {@link System#nanoTime}; {@link #NO_DEADLINE}: none.
 */
public final class Connection implements AutoCloseable {
    public static final long NO_DEADLINE = Long.MAX_VALUE;

    private Connection() {}

    public static Connection open(Endpoint endpoint, Duration connectTimeout, Tls tls) {
        throw new UnsupportedOperationException();
    }

    /** Send a call and wait for its reply; {@code place} may be null. */
    public CallReply invoke(CallRequest request, long deadline, RowPlace place) {
        throw new UnsupportedOperationException();
    }

    /** The first half of {@code invoke}; several may be sent before the first reply is read. */
    public void send(CallRequest request, long deadline) {
        throw new UnsupportedOperationException();
    }

    /** The second half; replies come in the order of the calls. */
    public CallReply receive(CallRequest request, long deadline, RowPlace place) {
        throw new UnsupportedOperationException();
    }

    /** Whether bytes of a reply, or the end of the stream, come within that time. */
    public boolean await(long nanos) {
        throw new UnsupportedOperationException();
    }

    public NodeInfo ping(long deadline) {
        throw new UnsupportedOperationException();
    }

    public List<StageInfo> stages(String token, long deadline) {
        throw new UnsupportedOperationException();
    }

    public NodeStats stats(String token, long deadline) {
        throw new UnsupportedOperationException();
    }

    public Ref put(Object value, String token, long deadline) {
        throw new UnsupportedOperationException();
    }

    public void release(Ref ref, String token, long deadline) {
        throw new UnsupportedOperationException();
    }

    /** {@code grace} null: as the node was started. */
    public NodeInfo drain(Duration grace, String token, long deadline) {
        throw new UnsupportedOperationException();
    }

    public Endpoint endpoint() {
        throw new UnsupportedOperationException();
    }

    public boolean isOpen() {
        throw new UnsupportedOperationException();
    }

    public long bytesSent() {
        throw new UnsupportedOperationException();
    }

    public long bytesReceived() {
        throw new UnsupportedOperationException();
    }

    /** Break off the call that runs here, from another thread; it throws CancelledException there. */
    public void abort() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }
}
