package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.FailureClass;
import java.util.ArrayList;
import java.util.List;

/** What comes of the attempts of a job: what is learned of them, whether a chunk goes again, and the end. */
final class Settlement {
    private final JobState job;
    private final JobFailures failures;
    private final boolean idempotent;

    Settlement(JobState job, JobFailures failures, boolean idempotent) {
        this.job = job;
        this.failures = failures;
        this.idempotent = idempotent;
    }

    /** What the end of a piece tells of its node's speed. */
    static void learn(Attempt attempt, double nowS, double serviceS, double queuedS) {
        NodeState node = attempt.node;
        double began = Math.max(attempt.sentAt, node.freedAt);
        boolean wasAlone = node.inFlight == 1 && attempt.sentAt >= node.freedAt;
        node.cost.add(attempt.rows, nowS - began, nowS - attempt.sentAt, serviceS, queuedS, wasAlone);
    }

    /** The first reply of a piece has come. */
    void complete(ChunkState state, double durationS, double nowS, List<Action> out) {
        assert !state.isDone && job.open > 0;
        job.stragglers.addDuration(durationS);
        failures.progressAt = nowS;
        job.rowsLeft -= state.chunk.rows();
        close(state, out);
        if (state.hasOpenOrigin()) {
            close(state.origin, out);
        }
        for (ChunkState heir : state.heirs) {
            if (!heir.isDone) {
                close(heir, out);
            }
        }
        finishIfDone(out);
    }

    /** Nothing is to come of the piece any more: its rows are done, by itself or by others. */
    private void close(ChunkState state, List<Action> out) {
        state.isDone = true;
        job.open--;
        job.stragglers.remove(state);
        cancel(state.live, out);
    }

    private static void cancel(Iterable<Attempt> attempts, List<Action> out) {
        for (Attempt attempt : attempts) {
            if (!attempt.isCancelled) {
                attempt.isCancelled = true;
                out.add(new Action.CancelAttempt(attempt.attemptId, attempt.node.name));
            }
        }
    }

    /** The end, if all rows are done. */
    void finishIfDone(List<Action> out) {
        if (job.isDone()) {
            job.isOver = true;
            out.add(new Action.Finish());
        }
    }

    /** Whether it was overtaken by a hedge and given up, and its node has been silent since it was sent. */
    static boolean seemsHung(Attempt attempt) {
        return attempt.isCancelled && attempt.node.answeredAt < attempt.sentAt;
    }

    /** Why the job fails by this failure; null: it goes on, and the chunk is queued again if it must be. */
    FailReason judge(ChunkState state, NodeState node, FailureClass failure, boolean nodeLost, double nowS) {
        if (failure == FailureClass.FINAL) {
            return FailReason.FINAL;
        }
        if (failure == FailureClass.UNKNOWN) {
            if (!idempotent) {
                return FailReason.UNKNOWN;
            }
            state.failedOn.add(node);
        }
        double delayS = failures.count(state, failure, nodeLost, nowS);
        if (!state.live.isEmpty()) { // its other attempt may still make it
            if (delayS == 0 && state.heirs.isEmpty()) {
                job.stragglers.hedgeLost(state);
            }
            return null;
        }
        if (!state.heirs.isEmpty()) { // the pieces that were cut from it do
            close(state, new ArrayList<>());
            return null;
        }
        job.stragglers.remove(state);
        if (delayS == JobFailures.NEVER || failures.isSpent(state)) {
            return FailReason.EXHAUSTED;
        }
        queueAgain(state, failure == FailureClass.NOT_EXECUTED && !nodeLost, delayS, nowS);
        return null;
    }

    private void queueAgain(ChunkState state, boolean wasRefused, double delayS, double nowS) {
        if (wasRefused) {
            job.refused.addLast(state);
        } else if (delayS > 0) {
            job.timers.set(nowS + delayS, Timers.Kind.RETRY, state);
        } else {
            job.retries.addFirst(state);
        }
    }

    /** The job is over: cancels what is in flight. */
    List<Action> end() {
        job.isOver = true;
        List<Action> out = new ArrayList<>();
        cancel(job.live.values(), out);
        return out;
    }

    /** The job fails: cancels what is in flight. */
    List<Action> fail(Long attemptId, FailReason reason) {
        List<Action> out = end();
        out.add(new Action.Fail(attemptId, reason, null));
        return out;
    }

    /** The job fails by its policy; what this event would have sent is not sent. */
    List<Action> failByPolicy(ConfigException error, List<Action> soFar) {
        List<Action> out = new ArrayList<>();
        for (Action action : soFar) {
            if (action instanceof Action.Send send) {
                job.live.remove(send.attemptId());
            } else if (action instanceof Action.CancelAttempt) {
                out.add(action);
            }
        }
        out.addAll(end());
        out.add(new Action.Fail(null, FailReason.POLICY, error));
        return out;
    }
}
