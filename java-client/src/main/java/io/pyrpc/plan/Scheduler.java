package io.pyrpc.plan;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.FailureClass;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One job as a state machine: events in, actions out. It has no clock, thread, socket or source of chance.
 *
 * <p>The driver calls one event method at a time, carries out the actions in their order, and reports what came of
 * them. Times are seconds on any clock that does not go back. {@code thrift/PLANNER.md} has every rule.
 *
 * <ul>
 *   <li><b>Placement</b> Each node has at most {@code window} attempts in flight. Which node gets the next piece, and
 *       how large that is where rows may be cut, is the policy's choice (Placement); what it needs to know of costs is
 *       learned here from each reply (NodeCost).
 *   <li><b>Failures</b> What a failed attempt leads to, with the bounds of each cause, is in JobFailures: the job
 *       fails, or the chunk is sent again ahead of those not sent yet.
 *   <li><b>Nodes</b> A node that is down is probed after 0.1 s, doubling to 1 s. One that fails every attempt, though
 *       it is up, is paused with a growing backoff, or it would pull in chunks as fast as it fails them. When no node
 *       has been up for {@code giveUpS}, the job fails. A node that was silent while a hedge overtook its attempt may
 *       be hung: it is taken for down until it answers a probe, or it would swallow the next chunk too.
 *   <li><b>Hedges</b> When there is nothing left to hand out, a free node duplicates the chunk that was sent longest
 *       ago, once that is long enough ago (Stragglers), or takes over some of its rows (TakeOver). Whatever ends first
 *       counts; the other is cancelled.
 * </ul>
 *
 * <p>Not thread-safe: the driver holds one lock around each event. Events after the end, and reports of attempts that
 * were reported before, change nothing and return no actions. An event costs the same however many chunks the job has,
 * and but for the end of a job, however many nodes.
 */
public final class Scheduler {
    private final JobState job;
    private final JobTerms terms;
    private final HandOut handOut;
    private final Settlement settlement;
    private double announced = Double.POSITIVE_INFINITY;

    /**
     * A job that has not begun.
     *
     * @param work what is to be done, in the order in which it is handed out; of a stream the driver tells as it
     *     becomes known: {@code more} and {@code noMore}
     * @param nodes names of the nodes, all different, taken to be up; the first chunk goes to the first one; a caller
     *     that runs many small jobs rotates them
     * @param prng source of the jitter, and of chance where the policy wants some
     * @param config how it is to be handed out
     * @throws ConfigException no nodes, or a node named twice
     */
    public Scheduler(Work work, List<String> nodes, SplitMix64 prng, SchedulerConfig config) {
        check(nodes);
        Timers timers = new Timers();
        JobCost jobCost = new JobCost();
        JobNodes jobNodes = new JobNodes(windows(nodes, config), config.giveUpS(), timers, jobCost);
        Placement placement = Placement.of(config.policy(), jobNodes, work, jobCost, prng);
        jobNodes.changed = placement::changed;
        JobFailures failures = new JobFailures(config.retry(), config.idempotent(), prng, nodes.size());
        job = new JobState(work, jobNodes, timers);
        handOut = new HandOut(job, placement, config.hedge() && config.idempotent());
        settlement = new Settlement(job, failures, config.idempotent());
        terms = JobTerms.of(config.policy().name(), config.window(), config.idempotent(), work, config.mostWindow());
    }

    private static void check(List<String> nodes) {
        if (nodes.isEmpty()) {
            throw new ConfigException("a job needs nodes", Detail.mismatch("a list of names", "[]"));
        }
        if (new HashSet<>(nodes).size() != nodes.size()) {
            throw new ConfigException(
                    "a node is named twice", Detail.mismatch("different names", String.join(", ", nodes)));
        }
    }

    private static Map<String, NodeWindow> windows(List<String> nodes, SchedulerConfig config) {
        Map<String, NodeWindow> windows = new LinkedHashMap<>();
        for (String name : nodes) {
            NodeWindow known = config.windows().get(name);
            windows.put(
                    name, known == null ? new NodeWindow(config.window(), config.mostWindow()) : known.again());
        }
        return windows;
    }

    // -- what the driver may ask

    /** What the job was given beside its rows. */
    public JobTerms terms() {
        return terms;
    }

    /** Whether Finish or Fail was given out, or the job was cancelled. */
    public boolean isOver() {
        return job.isOver;
    }

    /** How many chunks are not done; where rows may be cut, the pieces that they would make now. */
    public long chunksLeft() {
        return job.work.piecesLeft() + job.open;
    }

    /** How many rows are not done. */
    public long rowsLeft() {
        return job.rowsLeft;
    }

    /** Reports of {@code done} that were not wanted. */
    public long late() {
        return job.late;
    }

    /** Sends that duplicate what was in flight. */
    public long hedges() {
        return job.hedges;
    }

    /** Other Sends of what was sent before. */
    public long resends() {
        return job.resends;
    }

    /** What was learned of the cost of each node. */
    public List<NodeFit> fits() {
        List<NodeFit> fits = new ArrayList<>();
        job.nodes.forEach(node -> fits.add(node.cost.fit(node.name)));
        return fits;
    }

    /** How many pieces each node may have in flight, for the next job of this kind. */
    public Map<String, NodeWindow> windows() {
        Map<String, NodeWindow> windows = new LinkedHashMap<>();
        job.nodes.forEach(node -> windows.put(node.name, node.window));
        return windows;
    }

    /** Whether the reply of this attempt would be the first one of its chunk. Ask before {@code done}. */
    public boolean isWanted(long attemptId) {
        Attempt attempt = job.live.get(attemptId);
        return attempt != null && !attempt.state.isDone && !job.isOver;
    }

    // -- events

    /** The job begins; the first event, once. */
    public List<Action> start(double nowS) {
        return start(nowS, List.of());
    }

    /**
     * The job begins; the first event, once.
     *
     * @param nowS the time
     * @param down nodes that an earlier job has lost: they are probed before they get work; if that is all of them, the
     *     news is taken for old, and they are tried
     */
    public List<Action> start(double nowS, Collection<String> down) {
        if (job.isDone()) {
            job.isOver = true;
            return List.of(new Action.Finish());
        }
        handOut.start(nowS);
        boolean areAllDown = true;
        for (NodeState node : job.nodes) {
            areAllDown = areAllDown && down.contains(node.name);
        }
        for (NodeState node : job.nodes) {
            if (!areAllDown && down.contains(node.name)) {
                job.nodes.takeDown(node, nowS);
            } else {
                job.nodes.place(node);
            }
        }
        return dispatch(nowS, new ArrayList<>());
    }

    /** The reply of an attempt has come, without a load report. */
    public List<Action> done(long attemptId, double nowS) {
        return done(attemptId, nowS, 0.0, 0.0);
    }

    /**
     * The reply of an attempt has come. Only the first of a chunk counts; others are counted in {@code late}.
     *
     * @param attemptId from its Send
     * @param nowS the time
     * @param serviceS from the reply's load report: seconds it ran on the node; 0 without one
     * @param queuedS seconds it waited there, likewise
     */
    public List<Action> done(long attemptId, double nowS, double serviceS, double queuedS) {
        Attempt attempt = job.live.remove(attemptId);
        if (attempt == null || job.isOver) {
            job.late++;
            return List.of();
        }
        List<Action> out = new ArrayList<>();
        Settlement.learn(attempt, nowS, serviceS, queuedS);
        job.nodes.pieceDone(attempt, nowS, serviceS, queuedS);
        job.nodes.slotFreed(attempt, nowS);
        job.nodes.hasReplied(attempt.node, nowS);
        attempt.state.live.remove(attempt);
        if (attempt.state.isDone) {
            job.late++;
        } else {
            settlement.complete(attempt.state, nowS - attempt.sentAt, nowS, out);
        }
        return job.isOver ? out : dispatch(nowS, out);
    }

    /** An attempt has ended without a reply; its node is there, and asks for no time. */
    public List<Action> failed(long attemptId, FailureClass failure, double nowS) {
        return failed(attemptId, failure, nowS, false, null);
    }

    /**
     * An attempt has ended without a reply.
     *
     * @param attemptId from its Send
     * @param failure what the error says of itself; of no account for a cancelled attempt that was given up
     * @param nowS the time
     * @param nodeLost the connection was refused or broke, so that the node is to be taken for down
     * @param retryAfterMs the node asked to be left alone for so long; null: it did not
     */
    public List<Action> failed(
            long attemptId, FailureClass failure, double nowS, boolean nodeLost, Long retryAfterMs) {
        Attempt attempt = job.live.remove(attemptId);
        if (attempt == null || job.isOver) {
            return List.of();
        }
        NodeState node = attempt.node;
        ChunkState state = attempt.state;
        state.live.remove(attempt);
        job.nodes.slotFreed(attempt, nowS);
        if (nodeLost || Settlement.seemsHung(attempt)) {
            // The loss of what was sent before the node went down says nothing about the one that is there now.
            if (node.up && attempt.epoch == node.epoch) {
                job.nodes.takeDown(node, nowS);
            }
        } else if (state.isDone) {
            job.nodes.pause(node, JobNodes.askedS(retryAfterMs), nowS);
        } else {
            job.nodes.pauseAfterFailure(node, failure, retryAfterMs, nowS);
        }
        FailReason reason = state.isDone ? null : settlement.judge(state, node, failure, nodeLost, nowS);
        return reason == null ? dispatch(nowS, new ArrayList<>()) : settlement.fail(attemptId, reason);
    }

    /**
     * The answer to a Probe, or other news that the node is gone. Its attempts are still to be reported.
     *
     * @throws ConfigException no such node in this job
     */
    public List<Action> nodeDown(String node, double nowS) {
        NodeState state = job.nodes.named(node);
        if (job.isOver) {
            return List.of();
        }
        if (state.up) {
            job.nodes.takeDown(state, nowS);
        } else if (state.probing) {
            job.nodes.probeLater(state, nowS);
        }
        return dispatch(nowS, new ArrayList<>());
    }

    /**
     * The answer to a Probe, or other news that the node is back.
     *
     * @throws ConfigException no such node in this job
     */
    public List<Action> nodeUp(String node, double nowS) {
        NodeState state = job.nodes.named(node);
        if (job.isOver || state.up) {
            return List.of();
        }
        job.nodes.bringUp(state);
        return dispatch(nowS, new ArrayList<>());
    }

    /** The time of a WaitUntil has come; harmless at any other time. */
    public List<Action> timer(double nowS) {
        if (job.isOver) {
            return List.of();
        }
        announced = Double.POSITIVE_INFINITY;
        if (job.nodes.areGivenUp(nowS)) {
            return settlement.fail(null, FailReason.NO_NODES);
        }
        List<Action> out = new ArrayList<>();
        for (Timers.Timer due = job.timers.popDue(nowS); due != null; due = job.timers.popDue(nowS)) {
            happen(due, nowS, out);
        }
        return dispatch(nowS, out);
    }

    private void happen(Timers.Timer due, double nowS, List<Action> out) {
        switch (due.kind()) {
            case RESUME -> job.nodes.resume(due.node(), nowS);
            case PROBE -> {
                if (job.nodes.probeNow(due.node(), nowS)) {
                    out.add(new Action.Probe(due.node().name));
                }
            }
            case RETRY -> job.retries.addFirst(due.chunk());
            case FORGIVE -> {
                if (due.chunk().forgiveAt == due.atS()) {
                    due.chunk().failedOn.clear();
                }
            }
            case GIVE_UP -> { } // looked at before; it only had to wake the driver
        }
    }

    /** The source of a stream has given more rows, of about so many bytes each. */
    public List<Action> more(long rows, long rowBytes, double nowS) {
        if (job.isOver) {
            return List.of();
        }
        stream().add(rows, rowBytes);
        job.rowsLeft += rows;
        return dispatch(nowS, new ArrayList<>());
    }

    /** The source of a stream is at its end. */
    public List<Action> noMore(double nowS) {
        if (job.isOver) {
            return List.of();
        }
        stream().close();
        List<Action> out = new ArrayList<>();
        settlement.finishIfDone(out);
        return job.isOver ? out : dispatch(nowS, out);
    }

    private Stream stream() {
        if (job.work instanceof Stream stream) {
            return stream;
        }
        throw new IllegalStateException("the work of this job is no stream: all its rows were given at first");
    }

    /** The caller gives up: cancels what is in flight. No Finish or Fail follows. */
    public List<Action> cancel(double nowS) {
        return job.isOver ? List.of() : settlement.end();
    }

    private List<Action> dispatch(double nowS, List<Action> out) {
        try {
            handOut.dispatch(nowS, out);
        } catch (ConfigException error) { // a policy of the user's own picked no node
            return settlement.failByPolicy(error, out);
        }
        double wakeAt = Math.min(job.timers.nextAt(), handOut.wakeAt());
        if (wakeAt < announced) {
            announced = wakeAt;
            out.add(new Action.WaitUntil(wakeAt));
        }
        return out;
    }
}
