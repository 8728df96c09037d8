package io.pyrpc.transport;

import io.pyrpc.NodeInfo;
import io.pyrpc.NodeStats;
import io.pyrpc.StageInfo;
import io.pyrpc.Tls;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.errors.TooLargeException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.wire.CallReply;
import io.pyrpc.wire.CallRequest;
import io.pyrpc.wire.Codec;
import io.pyrpc.wire.Limits;
import io.pyrpc.wire.Ref;
import io.pyrpc.wire.RowPlace;
import java.io.IOException;
import java.lang.ref.Reference;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/**
 * A connection to one node: one caller at a time; only {@link #abort} may be called from another thread.
 *
 * <p>Deadlines are moments of {@link System#nanoTime}; {@link #NO_DEADLINE}: none. All calls throw:
 *
 * <ul>
 *   <li>UnreachableException: the message was not sent whole, nothing ran;
 *   <li>ConnectionLostException: the connection broke after that, it may have run;
 *   <li>DeadlineExceededException: the time is over;
 *   <li>CancelledException: {@link #abort}, or the thread was interrupted, which it still is afterwards;
 *   <li>ProtocolException: what came is no reply;
 *   <li>what the node answered instead of a result.
 * </ul>
 *
 * The connection is closed after all but the last, since the reply may still come.
 */
public final class Connection implements AutoCloseable {
    public static final long NO_DEADLINE = Long.MAX_VALUE;

    private static final String TOO_LARGE_HELP =
            "use map, which splits arrays into chunks, or raise the node's max_frame_bytes";

    private final Endpoint endpoint;
    private final Stream stream;
    private final StreamSource source;
    private final Codec codec;
    private NodeInfo node;
    private boolean isTokenShown;
    private int seqid;
    private long bytesSent;
    private long usedAt = System.nanoTime();
    private volatile boolean isOpen = true;
    private volatile boolean isAborted;

    Connection(Endpoint endpoint, Stream stream, boolean checksums) {
        this.endpoint = endpoint;
        this.stream = stream;
        this.source = new StreamSource(stream);
        this.codec = new Codec(source, checksums);
    }

    /**
     * Connect, and agree on TLS unless {@code tls} is null.
     *
     * @throws UnreachableException nobody answers in time
     * @throws TlsException there is no session that both ends agree to
     * @throws io.pyrpc.errors.ConfigException a file of {@code tls} cannot be used
     */
    public static Connection open(Endpoint endpoint, Duration connectTimeout, Tls tls) {
        // First: to read certificates takes a while, in a program that never did.
        TlsContext context = tls == null ? null : TlsContext.of(tls);
        return open(endpoint, System.nanoTime() + connectTimeout.toNanos(), context, false);
    }

    static Connection open(Endpoint endpoint, long deadline, TlsContext tls, boolean checksums) {
        PlainStream plain;
        try {
            plain = PlainStream.connect(endpoint, deadline);
        } catch (ClosedByInterruptException error) {
            throw interrupted(endpoint);
        } catch (IOException error) {
            String got = error instanceof SocketTimeoutException ? "no answer in time" : error.getMessage();
            Detail detail = Detail.NONE
                    .withGot(got == null ? error.getClass().getSimpleName() : got)
                    .withEndpoint(endpoint.toString())
                    .withHelp("is it running? pyrpc serve module:Object --port " + endpoint.port());
            throw withCause(new UnreachableException("the node cannot be reached", detail), error);
        }
        Stream stream = tls == null ? plain : TlsStream.open(plain, endpoint, tls, deadline);
        return new Connection(endpoint, stream, checksums);
    }

    // -- calls

    /** Send a call and wait for its reply; {@code place} may be null. */
    public CallReply invoke(CallRequest request, long deadline, RowPlace place) {
        send(request, deadline);
        return receive(request, deadline, place);
    }

    /** The first half of {@code invoke}; several small ones may be sent before the first reply is read. */
    public void send(CallRequest request, long deadline) {
        write(() -> codec.writeCall(request, seqidOf(request)), request.token(), deadline);
        sendFrame(deadline);
        // Its arrays must not be taken for dropped while their memory is on its way.
        Reference.reachabilityFence(request);
    }

    /** The second half; replies come in the order of the calls. */
    public CallReply receive(CallRequest request, long deadline, RowPlace place) {
        return reply(request.rpc(), deadline, () -> codec.readCall(request.rpc(), seqidOf(request), place));
    }

    private static int seqidOf(CallRequest request) {
        return (int) (request.requestId() & 0x7fffffff);
    }

    /** Whether bytes of a reply, or the end of the stream, come within that time, to the millisecond, rounded up. */
    public boolean await(long nanos) {
        if (source.hasBytes()) {
            return true;
        }
        try {
            return stream.await(nanos);
        } catch (ClosedByInterruptException error) {
            close();
            throw interrupted(endpoint);
        } catch (IOException error) {
            // Whoever reads will find out.
            return true;
        }
    }

    public NodeInfo ping(long deadline) {
        int number = nextSeqid();
        codec.writePing(number);
        sendFrame(deadline);
        return reply("ping", deadline, () -> codec.readPing(number));
    }

    public List<StageInfo> stages(String token, long deadline) {
        int number = nextSeqid();
        codec.writeStages(token, remainingMs(deadline), number);
        sendFrame(deadline);
        return reply("stages", deadline, () -> codec.readStages(number));
    }

    public NodeStats stats(String token, long deadline) {
        int number = nextSeqid();
        codec.writeStats(token, remainingMs(deadline), number);
        sendFrame(deadline);
        return reply("stats", deadline, () -> codec.readStats(number));
    }

    /** Leave a value on the node. */
    public Ref put(Object value, String token, long deadline) {
        int number = nextSeqid();
        write(() -> codec.writePut(value, token, remainingMs(deadline), number), token, deadline);
        sendFrame(deadline);
        Reference.reachabilityFence(value);
        return reply("put", deadline, () -> codec.readPut(number));
    }

    /** Let a value go; an unknown one is no error. */
    public void release(Ref ref, String token, long deadline) {
        int number = nextSeqid();
        codec.writeRelease(ref, token, remainingMs(deadline), number);
        sendFrame(deadline);
        reply("release", deadline, () -> {
            codec.readRelease(number);
            return null;
        });
    }

    /** Ask the node to finish what runs and end; {@code grace} null: as the node was started. */
    public NodeInfo drain(Duration grace, String token, long deadline) {
        int number = nextSeqid();
        codec.writeDrain(grace == null ? null : grace.toMillis(), token, remainingMs(deadline), number);
        sendFrame(deadline);
        return reply("drain", deadline, () -> codec.readDrain(number));
    }

    /** Milliseconds until a deadline as a call tells them; below 0: no limit. */
    static long remainingMs(long deadline) {
        return deadline == NO_DEADLINE ? -1 : Math.max(0, (deadline - System.nanoTime()) / 1_000_000);
    }

    private int nextSeqid() {
        seqid = seqid + 1 & 0x7fffffff;
        return seqid;
    }

    /**
     * Write a message. Before a large one a node that asks for tokens is shown it, since it takes none before it knows
     * who calls, and any node is asked how much it takes.
     */
    private void write(Runnable writing, String token, long deadline) {
        writing.run();
        long size = codec.size();
        boolean isSpoiled = false;
        if (size > Limits.STRANGER_FRAME_BYTES && token != null && !isTokenShown) {
            askFirst(() -> {
                // Does nothing.
                release(new Ref(""), token, deadline);
                return null;
            });
            isTokenShown = true;
            isSpoiled = true;
        }
        if (size > Limits.STOCK_FRAME_BYTES) {
            if (node == null) {
                node = askFirst(() -> ping(deadline));
                isSpoiled = true;
            }
            checkNodeTakes(size);
        }
        if (isSpoiled) {
            writing.run();
        }
    }

    /** Ask for something before a message is sent; if that fails, nothing of the message has run. */
    private <T> T askFirst(Supplier<T> asking) {
        try {
            return asking.get();
        } catch (ConnectionLostException error) {
            throw withCause(
                    new UnreachableException(
                            "the connection broke before the call was sent", at().withGot(error.got())),
                    error);
        }
    }

    private void checkNodeTakes(long size) {
        long most = Math.min(node.maxFrameBytes(), Limits.HARD_FRAME_BYTES);
        if (size > most) {
            codec.forget();
            throw new TooLargeException(
                    "the call is too large for one frame",
                    Detail.mismatch("at most " + most + " bytes", size + " bytes")
                            .withEndpoint(endpoint.toString())
                            .withHelp(TOO_LARGE_HELP));
        }
    }

    // -- frames

    private void sendFrame(long deadline) {
        long size = codec.size() + 4;
        ByteBuffer[] frame = codec.frame();
        try {
            stream.send(frame, deadline);
        } catch (IOException error) {
            // Before it is closed: the node may have said why it hung up.
            PyrpcException failure = failedToSend(error);
            close();
            throw failure;
        } catch (RuntimeException | Error error) {
            close();
            throw error;
        } finally {
            codec.forget();
        }
        bytesSent += size;
    }

    private interface Reading<T> {
        T read() throws IOException;
    }

    private <T> T reply(String name, long deadline, Reading<T> reading) {
        source.setDeadline(deadline);
        // Whatever goes wrong before the reply is read to its end leaves a connection of no use.
        boolean isInOrder = false;
        try {
            T value = reading.read();
            isInOrder = true;
            usedAt = System.nanoTime();
            return value;
        } catch (PyrpcException error) {
            isInOrder = codec.isInOrder();
            error.addEndpoint(endpoint.toString());
            if (error instanceof CancelledException && !isAborted) {
                // Not this end gave up, so the node did, because the time was over there a moment earlier.
                throw withCause(tooLate(name), error);
            }
            throw error;
        } catch (IOException error) {
            throw noReply(name, error);
        } finally {
            if (!isInOrder) {
                close();
            }
        }
    }

    private PyrpcException failedToSend(IOException error) {
        if (isAborted) {
            return cancelled();
        }
        if (error instanceof ClosedByInterruptException) {
            return interrupted(endpoint);
        }
        PyrpcException refusal = stream instanceof TlsStream tls ? tls.refusal(error, endpoint) : null;
        if (refusal != null) {
            return refusal;
        }
        if (error instanceof SocketTimeoutException) {
            return new DeadlineExceededException("the node did not take the call in time", at());
        }
        Detail detail = at().withGot(text(error));
        return withCause(new UnreachableException("the connection broke before the call was sent", detail), error);
    }

    private PyrpcException noReply(String name, IOException error) {
        if (isAborted) {
            return cancelled();
        }
        if (error instanceof ClosedByInterruptException) {
            return interrupted(endpoint);
        }
        if (error instanceof SocketTimeoutException) {
            return tooLate(name);
        }
        PyrpcException refusal = stream instanceof TlsStream tls ? tls.refusal(error, endpoint) : null;
        if (refusal != null) {
            return refusal;
        }
        Detail detail = at().withGot(text(error))
                .withHelp("the node may have died or been restarted; look at its log");
        return withCause(new ConnectionLostException("the connection broke before the reply came", detail), error);
    }

    private Detail at() {
        return Detail.NONE.withEndpoint(endpoint.toString());
    }

    private static String text(IOException error) {
        return error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage();
    }

    private CancelledException cancelled() {
        return new CancelledException("the call was cancelled", at());
    }

    private static CancelledException interrupted(Endpoint endpoint) {
        return new CancelledException(
                "the thread that called was interrupted", Detail.NONE.withEndpoint(endpoint.toString()));
    }

    private DeadlineExceededException tooLate(String name) {
        return new DeadlineExceededException(
                "no reply to " + name + " came in time", at().withHelp("give more time with timeout"));
    }

    private static <T extends PyrpcException> T withCause(T error, Throwable cause) {
        error.initCause(cause);
        return error;
    }

    // -- what it is

    public Endpoint endpoint() {
        return endpoint;
    }

    public boolean isOpen() {
        return isOpen;
    }

    public long bytesSent() {
        return bytesSent;
    }

    public long bytesReceived() {
        return source.received();
    }

    /** When a reply was read last; of {@link System#nanoTime}. */
    long usedAt() {
        return usedAt;
    }

    /** Whether a connection that rested is still open at the other end, as far as this end can know. */
    boolean isAlive() {
        return !source.hasBytes() && stream.isAlive();
    }

    /** Break off the call that runs here, from another thread; it throws CancelledException there. */
    public void abort() {
        isAborted = true;
        isOpen = false;
        stream.shut();
    }

    /** Close; further calls are an error. */
    @Override
    public void close() {
        isOpen = false;
        stream.close();
    }
}
