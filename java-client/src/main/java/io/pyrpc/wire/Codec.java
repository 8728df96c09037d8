package io.pyrpc.wire;

import io.pyrpc.LoadReport;
import io.pyrpc.NodeInfo;
import io.pyrpc.NodeStats;
import io.pyrpc.StageInfo;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.errors.TooLargeException;
import io.pyrpc.errors.UnknownMethodException;
import io.pyrpc.gen.CallOptions;
import io.pyrpc.gen.Node;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * Messages of service Node for one connection: frames to send, and what its source brings. For one thread at a time.
 *
 * <p>A frame is valid until the next one is made; large arrays in it are views.
 */
public final class Codec {
    // TApplicationException's type numbers, of which a node sends these.
    private static final int UNKNOWN_METHOD = 1;
    private static final int NEEDS_TLS = 10;
    private static final int GOING_AWAY = 11;
    private static final String NO_NODE_HELP =
            "check that a pyrpc node of a version that fits listens there, and that nothing between changes bytes";

    private static final int REQUEST_ID = CallOptions._Fields.REQUEST_ID.getThriftFieldId();
    private static final int REMAINING_MS = CallOptions._Fields.REMAINING_MS.getThriftFieldId();
    private static final int MAX_FRAME_BYTES = CallOptions._Fields.MAX_FRAME_BYTES.getThriftFieldId();
    private static final int ATTEMPT = CallOptions._Fields.ATTEMPT.getThriftFieldId();
    private static final int TOKEN = CallOptions._Fields.TOKEN.getThriftFieldId();
    private static final int WANT_CRC32C = CallOptions._Fields.WANT_CRC32C.getThriftFieldId();
    private static final int CONTEXT = CallOptions._Fields.CONTEXT.getThriftFieldId();

    private final Source source;
    private final BinaryReader reader;
    private final BinaryWriter writer = new BinaryWriter();
    private final ValueWriter values = new ValueWriter(writer);
    private boolean isInOrder = true;

    /**
     * For one connection.
     *
     * @param checksums whether each array gets one, and those of replies must have one; one that comes is always
     *     checked
     */
    public Codec(Source source, boolean checksums) {
        this.source = source;
        this.reader = new BinaryReader(source);
        this.reader.needsCrc32c = checksums;
        this.writer.addsCrc32c = checksums;
    }

    // -- out

    /** Bytes of the message that was written last, without its length. */
    public long size() {
        return writer.size();
    }

    /** The frame that was written last, in order. */
    public ByteBuffer[] frame() {
        return writer.frame();
    }

    /** Let go of the arrays of a frame that was sent. */
    public void forget() {
        writer.clear();
    }

    /**
     * Write {@code Node.call}, or {@code Node.run} where rows are given.
     *
     * @throws PyrpcException an argument cannot travel: UnsupportedTypeException, TooLargeException
     */
    public void writeCall(CallRequest request, int seqid) {
        boolean isRun = request.rows() != null;
        writer.call(request.rpc(), seqid);
        writer.field(Wire.STRING, id(isRun ? Node.run_args._Fields.STAGE : Node.call_args._Fields.METHOD));
        writer.string(request.method());
        writer.field(Wire.LIST, id(isRun ? Node.run_args._Fields.INPUTS : Node.call_args._Fields.POSITIONAL));
        values.arguments(request.positional(), request.method());
        writer.field(Wire.MAP, id(isRun ? Node.run_args._Fields.NAMED : Node.call_args._Fields.NAMED));
        values.named(request.named(), request.method());
        if (isRun) {
            writer.field(Wire.I64, id(Node.run_args._Fields.ROWS));
            writer.i64(request.rows());
        }
        writer.field(Wire.STRUCT, id(isRun ? Node.run_args._Fields.OPTIONS : Node.call_args._Fields.OPTIONS));
        i64(REQUEST_ID, request.requestId());
        if (request.remainingMs() >= 0) {
            i64(REMAINING_MS, request.remainingMs());
        }
        i64(MAX_FRAME_BYTES, Limits.HARD_FRAME_BYTES);
        if (request.attempt() != 0) {
            writer.field(Wire.I32, ATTEMPT);
            writer.i32(request.attempt());
        }
        writeToken(request.token());
        if (writer.addsCrc32c) {
            writer.field(Wire.BOOL, WANT_CRC32C);
            writer.bool(true);
        }
        writeContext(request.context());
        writer.stop();
        writer.stop();
    }

    private static int id(org.apache.thrift.TFieldIdEnum field) {
        return field.getThriftFieldId();
    }

    private void i64(int id, long value) {
        writer.field(Wire.I64, id);
        writer.i64(value);
    }

    private void writeToken(String token) {
        if (token != null) {
            writer.field(Wire.STRING, TOKEN);
            writer.string(token);
        }
    }

    private void writeContext(Map<String, String> context) {
        if (context != null && !context.isEmpty()) {
            writer.field(Wire.MAP, CONTEXT);
            writer.map(Wire.STRING, Wire.STRING, context.size());
            context.forEach((key, value) -> {
                writer.string(key);
                writer.string(value);
            });
        }
    }

    public void writePing(int seqid) {
        writer.call("ping", seqid);
        writer.stop();
    }

    public void writeStages(String token, long remainingMs, int seqid) {
        writer.call("stages", seqid);
        writeOptions(id(Node.stages_args._Fields.OPTIONS), token, remainingMs);
        writer.stop();
    }

    public void writeStats(String token, long remainingMs, int seqid) {
        writer.call("stats", seqid);
        writeOptions(id(Node.stats_args._Fields.OPTIONS), token, remainingMs);
        writer.stop();
    }

    /** Errors as for {@link #writeCall}. */
    public void writePut(Object value, String token, long remainingMs, int seqid) {
        writer.call("put", seqid);
        writer.field(Wire.STRUCT, id(Node.put_args._Fields.VALUE));
        values.value(value);
        writeOptions(id(Node.put_args._Fields.OPTIONS), token, remainingMs);
        writer.stop();
    }

    public void writeRelease(Ref ref, String token, long remainingMs, int seqid) {
        writer.call("release", seqid);
        writer.field(Wire.STRUCT, id(Node.release_args._Fields.REF));
        writer.field(Wire.STRING, Values.REF_ID);
        writer.string(ref.id());
        writer.stop();
        writeOptions(id(Node.release_args._Fields.OPTIONS), token, remainingMs);
        writer.stop();
    }

    /** {@code graceMs} null: as the node was started. */
    public void writeDrain(Long graceMs, String token, long remainingMs, int seqid) {
        writer.call("drain", seqid);
        writeOptions(id(Node.drain_args._Fields.OPTIONS), token, remainingMs);
        if (graceMs != null) {
            i64(id(Node.drain_args._Fields.GRACE_MS), graceMs);
        }
        writer.stop();
    }

    private void writeOptions(int id, String token, long remainingMs) {
        writer.field(Wire.STRUCT, id);
        if (remainingMs >= 0) {
            i64(REMAINING_MS, remainingMs);
        }
        writeToken(token);
        writer.stop();
    }

    // -- in

    /** Whether the connection is of use after the last reply: it was read to its end, and the node will not close. */
    public boolean isInOrder() {
        return isInOrder;
    }

    /** Reads what a method gives. */
    private interface Success<T> {
        T read(BinaryReader r) throws IOException;
    }

    /**
     * Read the reply to a call or run.
     *
     * @throws PyrpcException what the node answered instead, or ProtocolException: the bytes are no answer to this call
     */
    public CallReply readCall(String rpc, int seqid, RowPlace place) throws IOException {
        return read(rpc, seqid, Wire.STRUCT, r -> callReply(r, place));
    }

    public NodeInfo readPing(int seqid) throws IOException {
        return read("ping", seqid, Wire.STRUCT, Records::nodeInfo);
    }

    public List<StageInfo> readStages(int seqid) throws IOException {
        return read("stages", seqid, Wire.LIST, Records::stages);
    }

    public NodeStats readStats(int seqid) throws IOException {
        return read("stats", seqid, Wire.STRUCT, Records::nodeStats);
    }

    public Ref readPut(int seqid) throws IOException {
        return read("put", seqid, Wire.STRUCT, Values::readRef);
    }

    public void readRelease(int seqid) throws IOException {
        read("release", seqid, Wire.STOP, r -> null);
    }

    public NodeInfo readDrain(int seqid) throws IOException {
        return read("drain", seqid, Wire.STRUCT, Records::nodeInfo);
    }

    private static CallReply callReply(BinaryReader r, RowPlace place) throws IOException {
        Object value = null;
        boolean hasValue = false;
        LoadReport load = null;
        for (int kind = r.field(); kind != Wire.STOP; kind = r.field()) {
            if (r.fieldId == 1 && kind == Wire.STRUCT) {
                value = Values.read(r, place);
                hasValue = true;
            } else if (r.fieldId == 2 && kind == Wire.STRUCT) {
                load = Records.load(r);
            } else {
                r.skip(kind);
            }
        }
        if (!hasValue) {
            throw new ProtocolException("a reply without a value");
        }
        return new CallReply(value, load);
    }

    private <T> T read(String name, int seqid, int successKind, Success<T> success) throws IOException {
        isInOrder = false;
        try {
            source.nextFrame();
            return readMessage(name, seqid, successKind, success);
        } catch (ProtocolException error) {
            if (isInOrder || error.help() != null) {
                throw error;
            }
            throw new ProtocolException(
                    error.what(), Detail.mismatch(error.expected(), error.got()).withHelp(NO_NODE_HELP));
        }
    }

    private <T> T readMessage(String name, int seqid, int successKind, Success<T> success) throws IOException {
        BinaryReader r = reader;
        r.reset();
        int version = r.i32();
        if ((version & 0xffff0000) != Wire.VERSION_1) {
            throw new ProtocolException(
                    "not a Thrift message",
                    Detail.mismatch("TBinaryProtocol (strict)", "0x%08x".formatted(version)));
        }
        String gotName = r.name();
        int kind = version & 0xff;
        int gotSeqid = r.i32();
        if (kind == Wire.EXCEPTION && gotName.isEmpty() && gotSeqid == 0) {
            // The node could not tell whom it answers, and closes the connection.
            PyrpcException refusal = applicationException(r, name);
            throw refusal instanceof ProtocolException
                    ? new ProtocolException("the node could not read the call", Detail.NONE.withGot(refusal.summary()))
                    : refusal;
        }
        if (!gotName.equals(name) || gotSeqid != seqid) {
            throw new ProtocolException(
                    "a reply to another call", Detail.mismatch(name + " #" + seqid, gotName + " #" + gotSeqid));
        }
        if (kind == Wire.EXCEPTION) {
            PyrpcException refusal = applicationException(r, name);
            checkConsumed();
            // Of a call that is turned away for want of TLS the node closes the connection.
            isInOrder = !(refusal instanceof TlsException || refusal instanceof DrainingException);
            throw refusal;
        }
        if (kind != Wire.REPLY) {
            throw new ProtocolException("a message that is no reply", Detail.NONE.withGot("message type " + kind));
        }
        return readResult(name, successKind, success);
    }

    private <T> T readResult(String name, int successKind, Success<T> success) throws IOException {
        BinaryReader r = reader;
        T result = null;
        boolean hasResult = successKind == Wire.STOP;
        PyrpcException failure = null;
        for (int kind = r.field(); kind != Wire.STOP; kind = r.field()) {
            if (r.fieldId == 0 && kind == successKind) {
                result = success.read(r);
                hasResult = true;
            } else if (r.fieldId == 1 && kind == Wire.STRUCT) {
                failure = Status.read(r);
            } else {
                r.skip(kind);
            }
        }
        checkConsumed();
        if (failure == null && !hasResult) {
            throw new ProtocolException("a reply to " + name + " that holds neither a result nor an error");
        }
        // A node closes the connection on a call that is too large, so that it need not read it to its end.
        isInOrder = !(failure instanceof TooLargeException);
        if (failure != null) {
            throw failure;
        }
        return result;
    }

    private void checkConsumed() {
        if (source.unread() != 0) {
            throw new ProtocolException(
                    "bytes after the end of the message", Detail.NONE.withGot(source.unread() + " bytes"));
        }
    }

    private static PyrpcException applicationException(BinaryReader r, String name) throws IOException {
        String message = "";
        int type = 0;
        for (int kind = r.field(); kind != Wire.STOP; kind = r.field()) {
            if (r.fieldId == 1 && kind == Wire.STRING) {
                message = r.string();
            } else if (r.fieldId == 2 && kind == Wire.I32) {
                type = r.i32();
            } else {
                r.skip(kind);
            }
        }
        return switch (type) {
            case UNKNOWN_METHOD -> new UnknownMethodException(
                    "the node does not have the method " + name,
                    Detail.NONE
                            .withGot(message.isEmpty() ? null : message)
                            .withHelp("is the port that of a pyrpc node, and of the same version?"));
            case GOING_AWAY -> new DrainingException(
                    "the node went away, and had not begun the call", Detail.NONE.withHelp("call another node"));
            case NEEDS_TLS -> new TlsException(
                    "this node speaks TLS",
                    Detail.NONE.withHelp("give the builder tls(Tls.ofCa(...)), the CA of the node's certificate"));
            default -> new ProtocolException(
                    "the node could not read the call",
                    Detail.NONE.withGot(message.isEmpty() ? "TApplicationException " + type : message));
        };
    }
}
