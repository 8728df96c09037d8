package io.pyrpc.wire;

import io.pyrpc.BatchStats;
import io.pyrpc.LoadReport;
import io.pyrpc.NodeInfo;
import io.pyrpc.NodeState;
import io.pyrpc.NodeStats;
import io.pyrpc.ParamInfo;
import io.pyrpc.ParamKind;
import io.pyrpc.StageInfo;
import io.pyrpc.StageStats;
import io.pyrpc.TensorSpec;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.ProtocolException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What nodes tell of themselves, as the records that users see. */
final class Records {
    private static final int QUEUED = io.pyrpc.gen.LoadReport._Fields.QUEUED.getThriftFieldId();
    private static final int IN_FLIGHT = io.pyrpc.gen.LoadReport._Fields.IN_FLIGHT.getThriftFieldId();
    private static final int QUEUED_US = io.pyrpc.gen.LoadReport._Fields.QUEUED_US.getThriftFieldId();
    private static final int SERVICE_US = io.pyrpc.gen.LoadReport._Fields.SERVICE_US.getThriftFieldId();
    private static final int SLOTS = io.pyrpc.gen.LoadReport._Fields.SLOTS.getThriftFieldId();
    private static final int MS_PER_ROW = io.pyrpc.gen.LoadReport._Fields.MS_PER_ROW.getThriftFieldId();

    private Records() {}

    static NodeInfo nodeInfo(BinaryReader r) throws IOException {
        return of(new GeneratedReader(r).read(new io.pyrpc.gen.NodeInfo()));
    }

    static NodeStats nodeStats(BinaryReader r) throws IOException {
        io.pyrpc.gen.NodeStats stats = new GeneratedReader(r).read(new io.pyrpc.gen.NodeStats());
        Map<String, StageStats> stages = new LinkedHashMap<>();
        if (stats.stages != null) {
            stats.stages.forEach((name, stage) -> stages.put(name, of(stage)));
        }
        io.pyrpc.gen.NodeInfo node = stats.node == null ? new io.pyrpc.gen.NodeInfo() : stats.node;
        return new NodeStats(
                of(node),
                stats.uptime_s,
                stats.connections,
                stats.bytes_received,
                stats.bytes_sent,
                stats.load == null ? new LoadReport(0, 0, 0, 0, null, null) : of(stats.load),
                Collections.unmodifiableMap(stages),
                stats.errors == null ? Map.of() : Map.copyOf(stats.errors));
    }

    static List<StageInfo> stages(BinaryReader r) throws IOException {
        int count = r.list();
        if (count > 0 && r.itemKind != Wire.STRUCT) {
            throw new ProtocolException(
                    "a list of another type than declared", Detail.NONE.withGot("wire type " + r.itemKind));
        }
        GeneratedReader generated = new GeneratedReader(r);
        List<StageInfo> stages = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            stages.add(of(generated.read(new io.pyrpc.gen.StageInfo())));
        }
        return stages;
    }

    /** Written out: each reply has one. */
    static LoadReport load(BinaryReader r) throws IOException {
        int queued = 0;
        int inFlight = 0;
        long queuedUs = 0;
        long serviceUs = 0;
        Integer slots = null;
        Double msPerRow = null;
        for (int kind = r.field(); kind != Wire.STOP; kind = r.field()) {
            int id = r.fieldId;
            if (id == QUEUED && kind == Wire.I32) {
                queued = r.i32();
            } else if (id == IN_FLIGHT && kind == Wire.I32) {
                inFlight = r.i32();
            } else if (id == QUEUED_US && kind == Wire.I64) {
                queuedUs = r.i64();
            } else if (id == SERVICE_US && kind == Wire.I64) {
                serviceUs = r.i64();
            } else if (id == SLOTS && kind == Wire.I32) {
                slots = r.i32();
            } else if (id == MS_PER_ROW && kind == Wire.DOUBLE) {
                msPerRow = r.f64();
            } else {
                r.skip(kind);
            }
        }
        return new LoadReport(queued, inFlight, queuedUs, serviceUs, slots, msPerRow);
    }

    private static NodeInfo of(io.pyrpc.gen.NodeInfo info) {
        return new NodeInfo(
                text(info.node_id),
                text(info.version),
                info.isSetProtocol_version() ? info.protocol_version : 1,
                // A state that is newer than this client is none in which a call should be sent there.
                info.state == null
                        ? NodeState.NOT_SERVING
                        : NodeState.valueOf(info.state.name()),
                info.isSetMax_frame_bytes() ? info.max_frame_bytes : Limits.STOCK_FRAME_BYTES,
                info.pid,
                info.threads);
    }

    private static StageInfo of(io.pyrpc.gen.StageInfo info) {
        if (info.name == null) {
            throw new ProtocolException("a StageInfo lacks its name");
        }
        List<ParamInfo> params = new ArrayList<>();
        for (io.pyrpc.gen.ParamInfo param : nonNull(info.params)) {
            if (param.name == null) {
                throw new ProtocolException("a ParamInfo lacks its name");
            }
            ParamKind kind =
                    param.kind == null ? ParamKind.POSITIONAL_OR_NAMED : ParamKind.valueOf(param.kind.name());
            params.add(new ParamInfo(
                    param.name,
                    kind,
                    param.has_default,
                    param.annotation,
                    param.tensor == null ? null : of(param.tensor)));
        }
        return new StageInfo(
                info.name,
                text(info.doc),
                params,
                info.gives == null ? null : info.gives.stream().map(Records::of).toList(),
                info.gives_tuple,
                info.isSetIdempotent() ? info.idempotent : null,
                info.isSetSplittable() ? info.splittable : null,
                info.returns);
    }

    private static TensorSpec of(io.pyrpc.gen.TensorSpec spec) {
        return new TensorSpec(nonNull(spec.dtypes), spec.dims);
    }

    private static StageStats of(io.pyrpc.gen.StageStats stage) {
        io.pyrpc.gen.BatchStats b = stage.batches;
        BatchStats batches = b == null
                ? null
                : new BatchStats(
                        b.batches,
                        b.calls,
                        b.rows,
                        b.full,
                        b.delay,
                        b.nobody_else,
                        b.drain,
                        b.incompatible,
                        b.ran_singly);
        return new StageStats(
                stage.calls,
                stage.errors,
                stage.rows,
                stage.total_us,
                stage.max_us,
                batches,
                stage.isSetMs_per_row() ? stage.ms_per_row : null);
    }

    private static LoadReport of(io.pyrpc.gen.LoadReport load) {
        return new LoadReport(
                load.queued,
                load.in_flight,
                load.queued_us,
                load.service_us,
                load.isSetSlots() ? load.slots : null,
                load.isSetMs_per_row() ? load.ms_per_row : null);
    }

    private static String text(String text) {
        return text == null ? "" : text;
    }

    private static <T> List<T> nonNull(List<T> list) {
        return list == null ? List.of() : list;
    }
}
