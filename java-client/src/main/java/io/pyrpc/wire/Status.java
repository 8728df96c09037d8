package io.pyrpc.wire;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.AuthException;
import io.pyrpc.errors.BadResultException;
import io.pyrpc.errors.CallChecksumException;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ContractException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.ExpiredException;
import io.pyrpc.errors.InternalException;
import io.pyrpc.errors.OverloadedException;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.StageFailedException;
import io.pyrpc.errors.TooLargeException;
import io.pyrpc.errors.UnknownMethodException;
import io.pyrpc.errors.UnknownRefException;
import io.pyrpc.errors.UnsupportedTypeException;
import io.pyrpc.errors.WorkerLostException;
import io.pyrpc.gen.ErrorCode;
import io.pyrpc.gen.RpcError;
import java.io.IOException;
import java.time.Duration;

/** Error codes of the wire -&gt; exceptions. */
final class Status {
    private static final int CODE = RpcError._Fields.CODE.getThriftFieldId();
    private static final int MESSAGE = RpcError._Fields.MESSAGE.getThriftFieldId();
    private static final int HELP = RpcError._Fields.HELP.getThriftFieldId();
    private static final int RETRY_AFTER_MS = RpcError._Fields.RETRY_AFTER_MS.getThriftFieldId();
    private static final int TRACEBACK = RpcError._Fields.REMOTE_TRACEBACK.getThriftFieldId();
    private static final int TYPE = RpcError._Fields.REMOTE_TYPE.getThriftFieldId();
    private static final int EXPECTED = RpcError._Fields.EXPECTED.getThriftFieldId();
    private static final int GOT = RpcError._Fields.GOT.getThriftFieldId();

    private Status() {}

    /** Read the struct RpcError. */
    static PyrpcException read(BinaryReader r) throws IOException {
        int code = ErrorCode.INTERNAL.getValue();
        String message = "";
        String type = null;
        String traceback = null;
        Detail detail = Detail.NONE;
        for (int kind = r.field(); kind != Wire.STOP; kind = r.field()) {
            int id = r.fieldId;
            if (id == CODE && kind == Wire.I32) {
                code = r.i32();
            } else if (id == RETRY_AFTER_MS && kind == Wire.I64) {
                detail = detail.withRetryAfter(Duration.ofMillis(r.i64()));
            } else if (id == MESSAGE && kind == Wire.STRING) {
                message = r.string();
            } else if (id == HELP && kind == Wire.STRING) {
                detail = detail.withHelp(r.string());
            } else if (id == EXPECTED && kind == Wire.STRING) {
                detail = detail.withExpected(r.string());
            } else if (id == GOT && kind == Wire.STRING) {
                detail = detail.withGot(r.string());
            } else if (id == TYPE && kind == Wire.STRING) {
                type = r.string();
            } else if (id == TRACEBACK && kind == Wire.STRING) {
                traceback = r.string();
            } else {
                r.skip(kind);
            }
        }
        return exception(code, message, detail.withRemote(type, traceback));
    }

    /** The exception of a code; one that is newer than this client is internal, and named. */
    static PyrpcException exception(int number, String message, Detail detail) {
        ErrorCode code = ErrorCode.findByValue(number);
        if (code == null) {
            return new InternalException(
                    message + " (error code " + number + ", unknown to this client)", detail);
        }
        return switch (code) {
            case UNKNOWN_METHOD -> new UnknownMethodException(message, detail);
            case BAD_ARGUMENT -> new ArgumentException(message, detail);
            case CONTRACT_VIOLATED -> new ContractException(message, detail);
            case UNSUPPORTED_TYPE -> new UnsupportedTypeException(message, detail);
            case TOO_LARGE -> new TooLargeException(message, detail);
            case MALFORMED -> new ProtocolException(message, detail);
            case UNAUTHENTICATED -> new AuthException(message, detail, false);
            case PERMISSION_DENIED -> new AuthException(message, detail, true);
            case STAGE_FAILED -> new StageFailedException(message, detail);
            case BAD_RESULT -> new BadResultException(message, detail);
            case OVERLOADED -> new OverloadedException(message, detail);
            case DRAINING -> new DrainingException(message, detail);
            case EXPIRED -> new ExpiredException(message, detail);
            case CANCELLED -> new CancelledException(message, detail);
            case UNKNOWN_REF -> new UnknownRefException(message, detail);
            case INTERNAL -> new InternalException(message, detail);
            case WORKER_LOST -> new WorkerLostException(message, detail);
            case BAD_CHECKSUM -> new CallChecksumException(message, detail);
        };
    }
}
