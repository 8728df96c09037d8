package io.pyrpc.plan.simulated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.FailureClass;
import io.pyrpc.plan.Action;
import io.pyrpc.plan.Scheduler;
import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.simulated.Books.Failure;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Drives a scheduler through one world on a virtual clock.
 *
 * <p>The driver reports each attempt, answers each probe, keeps one wake-up time. Some drivers tear a cancelled call
 * down, some wait for its reply.
 */
final class Simulation {
    private static final double LONGEST_S = 1000;
    private static final int MOST_EVENTS = 100_000;

    private record Event(double atS, long number, Runnable what) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            int byTime = Double.compare(atS, other.atS);
            return byTime != 0 ? byTime : Long.compare(number, other.number);
        }
    }

    final Books books;
    final Scheduler scheduler;
    double nowS;
    boolean isFinished;
    Action.Fail fail;
    double endedAt;
    /** Nodes that were down at the end, and since when. */
    Map<String, Double> downAtEnd = Map.of();

    private final World world;
    private final World.Chance chance;
    private final Map<String, SimulatedNode> nodes = new LinkedHashMap<>();
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long count;
    private double wakeAt = Double.NaN;
    private int rowsTold;

    Simulation(World world, long seed) {
        this.world = world;
        this.chance = new World.Chance(~seed);
        this.books = new Books(world);
        world.nodes().forEach(node -> nodes.put(node.name, node));
        this.scheduler = new Scheduler(
                world.work(), List.copyOf(nodes.keySet()), new SplitMix64(seed), world.config());
        this.rowsTold = world.isStream() ? 0 : world.rows();
    }

    Simulation run() {
        take(scheduler.start(0.0));
        if (world.isStream()) {
            at(0.01, this::tellMore);
        }
        while (!events.isEmpty() && events.peek().atS <= LONGEST_S) {
            assertTrue(count < MOST_EVENTS, "too many events for so small a job");
            Event event = events.poll();
            nowS = event.atS;
            event.what.run();
        }
        return this;
    }

    private void at(double atS, Runnable what) {
        events.add(new Event(atS, ++count, what));
    }

    private void tellMore() {
        if (rowsTold == world.rows()) {
            take(scheduler.noMore(nowS));
            return;
        }
        int rows = Math.min(world.rows() - rowsTold, 1 + chance.below(10));
        rowsTold += rows;
        take(scheduler.more(rows, 8, nowS));
        at(nowS + chance.uniform() / 10, this::tellMore);
    }

    // -- actions

    private void take(List<Action> actions) {
        for (int place = 0; place < actions.size(); place++) {
            Action action = actions.get(place);
            assertTrue(!isFinished && fail == null, () -> action + " after the end");
            if (action instanceof Action.Send send) {
                books.sent(send, nowS);
                runOnNode(send, nodes.get(send.node()));
            } else if (action instanceof Action.CancelAttempt cancel) {
                books.cancelled(cancel);
                if (chance.happens(0.5)) {
                    at(nowS + chance.uniform() / 10, () -> failed(cancel.attemptId(), Failure.GIVEN_UP, null));
                }
            } else if (action instanceof Action.Probe probe) {
                double delayS = nodes.get(probe.node()).isHung(nowS) ? 2.0 : chance.uniform() / 100;
                at(nowS + delayS, () -> answerProbe(nodes.get(probe.node())));
            } else if (action instanceof Action.WaitUntil wait) {
                assertTrue(wait.atS() > nowS, () -> "to wait for the past: " + wait);
                wakeAt = wait.atS();
                at(wakeAt, this::wake);
            } else {
                assertEquals(actions.size() - 1, place, "the end is the last action");
                end(action);
            }
        }
    }

    private void end(Action action) {
        endedAt = nowS;
        downAtEnd = Map.copyOf(books.downSince);
        if (action instanceof Action.Fail failed) {
            fail = failed;
            return;
        }
        isFinished = true;
        assertEquals(world.rows(), books.gathered.cardinality(), "rows that were gathered");
        assertEquals(0, scheduler.rowsLeft());
    }

    private void wake() {
        if (wakeAt == nowS) {
            wakeAt = Double.NaN;
            take(scheduler.timer(nowS));
        }
    }

    private void answerProbe(SimulatedNode node) {
        if (node.isDead(nowS) || node.isHung(nowS)) {
            books.down(node.name, nowS);
            take(scheduler.nodeDown(node.name, nowS));
        } else {
            books.up(node.name);
            take(scheduler.nodeUp(node.name, nowS));
        }
    }

    // -- what nodes do

    private void runOnNode(Action.Send send, SimulatedNode node) {
        long attempt = send.attemptId();
        if (node.isDead(nowS)) {
            at(nowS + chance.uniform() / 1000, () -> failed(attempt, Failure.UNREACHED, null));
            return;
        }
        if (chance.happens(node.refuses)) {
            Long askedMs = chance.happens(0.3) ? null : Long.valueOf((long) (chance.uniform() * 200));
            at(nowS + 0.001, () -> failed(attempt, Failure.REFUSED, askedMs));
            return;
        }
        double takesS = node.rowS * send.chunk().rows() * (0.8 + 0.4 * chance.uniform());
        double ends = Math.max(nowS, node.freeAt) + takesS;
        if (node.hangsAt < ends && nowS < node.wakesAt) {
            if (node.hangsForEver()) {
                return;
            }
            ends = Math.max(ends, node.wakesAt + takesS);
        }
        node.freeAt = ends;
        reply(attempt, node, ends, takesS);
    }

    private void reply(long attempt, SimulatedNode node, double ends, double takesS) {
        if (nowS < node.diesAt && node.diesAt < ends) {
            at(node.diesAt + chance.uniform() / 10, () -> failed(attempt, Failure.LOST, null));
        } else if (chance.happens(node.breaks)) {
            at(ends, () -> failed(attempt, Failure.BROKE, null));
        } else if (chance.happens(node.losesReply)) {
            Failure failure = chance.happens(0.5) ? Failure.LOST : Failure.BROKE;
            at(ends, () -> failed(attempt, failure, null));
        } else {
            at(ends, () -> done(attempt, takesS));
            if (chance.happens(world.duplicates())) {
                at(ends + chance.uniform(), () -> done(attempt, takesS));
            }
            if (chance.happens(world.duplicates())) {
                at(ends + chance.uniform(), () -> failed(attempt, Failure.BROKE, null));
            }
        }
    }

    // -- reports

    private void done(long attemptId, double serviceS) {
        boolean isWanted = scheduler.isWanted(attemptId);
        books.done(attemptId, isWanted, nowS);
        long late = scheduler.late();
        take(scheduler.done(attemptId, nowS, serviceS, 0.0));
        assertEquals(late + (isWanted ? 0 : 1), scheduler.late());
    }

    private void failed(long attemptId, Failure failure, Long retryAfterMs) {
        books.failed(attemptId, scheduler.isWanted(attemptId), failure, nowS);
        FailureClass kind = switch (failure) {
            case LOST, BROKE -> FailureClass.UNKNOWN;
            case UNREACHED, REFUSED -> FailureClass.NOT_EXECUTED;
            case GIVEN_UP -> FailureClass.FINAL;
        };
        take(scheduler.failed(attemptId, kind, nowS, failure.isNodeLost(), retryAfterMs));
    }
}
