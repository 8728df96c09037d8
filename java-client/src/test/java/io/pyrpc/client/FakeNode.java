package io.pyrpc.client;

import io.pyrpc.LoadReport;
import io.pyrpc.NodeInfo;
import io.pyrpc.NodeState;
import io.pyrpc.ParamInfo;
import io.pyrpc.ParamKind;
import io.pyrpc.StageInfo;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.wire.CallReply;
import io.pyrpc.wire.Ref;
import io.pyrpc.wire.RowPlace;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** A node without a network: a function answers its calls, by a value or an error. */
final class FakeNode extends Node {
    /** Everything that was called, in the order it began. */
    final List<Call> calls = Collections.synchronizedList(new ArrayList<>());

    final List<Object> puts = Collections.synchronizedList(new ArrayList<>());
    volatile boolean isDown;
    boolean takesBatches = true;
    /** What it says that a call took, in microseconds. */
    long serviceUs = 1000;

    /** Calls that came as one of a batch. */
    final AtomicInteger batched = new AtomicInteger();

    private final Function<Call, Object> answer;
    private volatile Boolean idempotent;

    FakeNode(String endpoint, Function<Call, Object> answer) {
        super(endpoint, null, null);
        this.answer = answer;
    }

    /** What its stages say of a second run. */
    FakeNode idempotent(Boolean isDeclared) {
        idempotent = isDeclared;
        return this;
    }

    @Override
    CallReply invoke(Call call, Deadline deadline, RowPlace place, ConnectionUse use) {
        calls.add(call);
        if (isDown) {
            throw new UnreachableException(endpoint() + " is down");
        }
        Object value = answer.apply(call);
        if (value instanceof PyrpcException error) {
            throw error;
        }
        return new CallReply(value, new LoadReport(0, 1, 0, serviceUs, 8, null));
    }

    @Override
    void callMany(List<Call> many, List<Deadline> deadlines, Delivery delivery) {
        batched.addAndGet(many.size());
        for (int index = 0; index < many.size(); index++) {
            try {
                delivery.of(index, invoke(many.get(index), deadlines.get(index), null, null), null);
            } catch (PyrpcException error) {
                delivery.of(index, null, error);
            }
        }
    }

    @Override
    boolean takesBatches() {
        return takesBatches;
    }

    @Override
    NodeInfo ping(Deadline deadline) {
        if (isDown) {
            throw new UnreachableException(endpoint() + " is down");
        }
        return new NodeInfo(endpoint(), "0", 1, NodeState.SERVING, 1 << 24, 1, 8);
    }

    @Override
    List<StageInfo> stages(Deadline deadline) {
        ParamInfo any = new ParamInfo("args", ParamKind.VAR_POSITIONAL, false, null, null);
        ParamInfo named = new ParamInfo("kwargs", ParamKind.VAR_NAMED, false, null, null);
        return List.of(new StageInfo("stage", "", List.of(any, named), null, false, idempotent, null, null));
    }

    @Override
    Ref put(Object value, Deadline deadline) {
        puts.add(value);
        return new Ref("ref" + puts.size());
    }

    @Override
    void dropIdle() {
        // There are no connections.
    }

    @Override
    void onRested(Runnable listener) {
        // Nor do they rest.
    }

    @Override
    void close() {
        // Nor are there any to close.
    }
}
