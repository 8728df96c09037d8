package io.pyrpc.plan;

import io.pyrpc.errors.FailureClass;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A job of so many chunks of one row on nodes of one letter each, and what its last event led to. */
final class StartedJob {
    final Scheduler scheduler;
    final Map<Long, Action.Send> allSends = new HashMap<>();
    double nowS;
    List<Action> actions = List.of();
    List<Action.Send> sends = List.of();
    double wakeAt = Double.NaN;

    StartedJob(int chunks, String nodes) {
        this(chunks, nodes, config());
    }

    StartedJob(int chunks, String nodes, SchedulerConfig config) {
        this(new FixedWork(Partition.planChunks(chunks, 4, 1, 1L, null)), nodes, config);
    }

    StartedJob(Work work, String nodes, SchedulerConfig config) {
        scheduler = new Scheduler(work, List.of(nodes.split("")), new SplitMix64(1), config);
        took(scheduler.start(0.0));
    }

    /** What is free gets the next chunk, so that a test can tell where each one is; others ask for their policy. */
    static SchedulerConfig config() {
        return config(true);
    }

    static SchedulerConfig config(boolean idempotent) {
        return SchedulerConfig.ofDefaults(RetryPolicy.ofDefaults(), idempotent).withPolicy(JobPolicy.named("pull"));
    }

    static SchedulerConfig config(int maxAttempts) {
        return SchedulerConfig.ofDefaults(new RetryPolicy(maxAttempts, 0.1, 1.0), true)
                .withPolicy(JobPolicy.named("pull"));
    }

    StartedJob took(List<Action> led) {
        actions = led;
        sends = of(Action.Send.class);
        sends.forEach(send -> allSends.put(send.attemptId(), send));
        of(Action.WaitUntil.class).forEach(wait -> wakeAt = wait.atS());
        return this;
    }

    <A extends Action> List<A> of(Class<A> kind) {
        return actions.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    StartedJob at(double time) {
        nowS = time;
        return this;
    }

    StartedJob done(Action.Send send) {
        return took(scheduler.done(send.attemptId(), nowS));
    }

    StartedJob failed(Action.Send send, FailureClass failure) {
        return took(scheduler.failed(send.attemptId(), failure, nowS));
    }

    StartedJob refused(Action.Send send, Long retryAfterMs) {
        return took(scheduler.failed(send.attemptId(), FailureClass.NOT_EXECUTED, nowS, false, retryAfterMs));
    }

    StartedJob lost(Action.Send send) {
        return lost(send, FailureClass.UNKNOWN);
    }

    StartedJob lost(Action.Send send, FailureClass failure) {
        return took(scheduler.failed(send.attemptId(), failure, nowS, true, null));
    }

    StartedJob up(String node) {
        return took(scheduler.nodeUp(node, nowS));
    }

    StartedJob down(String node) {
        return took(scheduler.nodeDown(node, nowS));
    }

    StartedJob timer() {
        return took(scheduler.timer(nowS));
    }

    /** Let the time of the last WaitUntil come. */
    StartedJob wake() {
        if (Double.isNaN(wakeAt)) {
            throw new AssertionError("nobody waits for a time");
        }
        return at(wakeAt).timer();
    }

    /** What was sent where by the last event: "0a 1b". */
    String placed() {
        List<String> placed = new ArrayList<>();
        sends.forEach(send -> placed.add(send.chunk().index() + send.node()));
        return String.join(" ", placed);
    }

    Action.Send sent(int place) {
        return sends.get(place);
    }
}
