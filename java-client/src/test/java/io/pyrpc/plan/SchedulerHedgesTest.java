package io.pyrpc.plan;

import static io.pyrpc.errors.FailureClass.FINAL;
import static io.pyrpc.errors.FailureClass.NOT_EXECUTED;
import static io.pyrpc.errors.FailureClass.UNKNOWN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rules of a job for stragglers and hung nodes. */
class SchedulerHedgesTest {
    private static final SchedulerConfig ONE_EACH = StartedJob.config().withWindow(1);

    @Test
    void aStragglerIsDuplicatedAfterThreeMedians() {
        StartedJob job = new StartedJob(4, "ab", ONE_EACH);
        Action.Send slow = job.sent(0);
        Action.Send fast = job.sent(1);
        for (double nowS : new double[] {0.1, 0.2}) {
            fast = job.at(nowS).done(fast).sent(0);
        }
        assertEquals("", job.at(0.25).done(fast).placed());
        assertEquals(0.3, job.wakeAt, 1e-12);
        assertEquals("0b", job.wake().placed());
        assertTrue(job.sent(0).hedge());
        assertEquals(
                List.of(new Action.CancelAttempt(slow.attemptId(), "a"), new Action.Finish()),
                job.at(0.35).done(job.sent(0)).actions);
    }

    @Test
    void theFirstReplyWinsAndTheOtherIsLate() {
        StartedJob job = new StartedJob(2, "ab", ONE_EACH);
        Action.Send slow = job.sent(0);
        job.at(1.0).done(job.sent(1)).wake();
        Action.Send hedge = job.sent(0);
        assertTrue(job.scheduler.isWanted(slow.attemptId()) && job.scheduler.isWanted(hedge.attemptId()));
        assertEquals(
                List.of(new Action.CancelAttempt(hedge.attemptId(), "b"), new Action.Finish()),
                job.done(slow).actions);
        assertEquals(List.of(), job.done(hedge).actions);
        assertEquals(1, job.scheduler.late());
    }

    @Test
    void thereIsNoHedgeWithoutIdempotenceOrIfSwitchedOffOrWhileChunksWait() {
        assertTrue(Double.isNaN(new StartedJob(1, "ab", StartedJob.config(false)).wakeAt));
        assertTrue(Double.isNaN(new StartedJob(1, "ab", StartedJob.config().withHedge(false)).wakeAt));
        assertEquals("", new StartedJob(9, "ab", ONE_EACH).at(50.0).timer().placed());
    }

    @Test
    void anotherHedgeComesOnlyAfterFourTimesAsLong() {
        StartedJob job = new StartedJob(1, "abc", ONE_EACH);
        assertEquals("0b", job.wake().placed());
        assertEquals("", job.at(4.9).timer().placed());
        assertEquals(5.0, job.wakeAt);
        assertEquals("0c", job.wake().placed());
    }

    @Test
    void givingUpACancelledAttemptDoesNotCountAsAFailure() {
        StartedJob job = new StartedJob(2, "abc", ONE_EACH);
        Action.Send slow = job.sent(0);
        Action.Send other = job.sent(1);
        job.wake().done(job.sent(0)).failed(slow, FINAL);
        assertFalse(job.scheduler.isOver());
        List<Action> last = job.done(other).actions;
        assertEquals(new Action.Finish(), last.get(last.size() - 1));
    }

    @Test
    void aSilentNodeThatAHedgeOvertookGetsNoMoreUntilItAnswersAProbe() {
        StartedJob job = new StartedJob(3, "abc", ONE_EACH);
        Action.Send hung = job.sent(0);
        Action.Send other = job.sent(1);
        job.at(0.1).done(job.sent(2)).wake().done(job.sent(0)).failed(hung, FINAL).lost(other);
        while (job.of(Action.Probe.class).isEmpty()) {
            assertFalse(job.wake().placed().contains("a"));
        }
        assertTrue(job.actions.contains(new Action.Probe("a")));
    }

    @Test
    void aHedgeThatIsTurnedAwayIsReplacedAtOnce() {
        StartedJob job = new StartedJob(1, "abc", ONE_EACH).wake();
        assertEquals("0c", job.failed(job.sent(0), NOT_EXECUTED).placed());
        assertTrue(job.sent(0).hedge());
    }

    @Test
    void aBoundReachedWhileAHedgeRunsCountsWhenThatFailsToo() {
        StartedJob job = new StartedJob(1, "abc", StartedJob.config(1).withWindow(1));
        Action.Send first = job.sent(0);
        Action.Send hedge = job.wake().sent(0);
        assertEquals(List.of(), job.failed(first, UNKNOWN).actions);
        assertEquals(
                List.of(new Action.Fail(hedge.attemptId(), FailReason.EXHAUSTED, null)), job.lost(hedge).actions);
    }

    @Test
    void aPieceOfAStragglerNeverGoesToTheNodeWhereThatRuns() {
        StartedJob job = new StartedJob(new DivisibleWork(12, null, 0.05, 1), "abc", StartedJob.config());
        List<Action.Send> pending = new ArrayList<>(job.sends);
        Action.Send straggler = pending.remove(0);
        assertEquals("a", straggler.node());
        while (!pending.isEmpty()) {
            pending.addAll(job.at(0.01).done(pending.remove(0)).sends);
        }
        List<Action.Send> pieces = new ArrayList<>(job.at(0.5).timer().sends);
        assertEquals(List.of("b", "c"), pieces.stream().map(Action.Send::node).sorted().toList());
        for (int place = 0; place < pieces.size(); place++) {
            pieces.addAll(job.at(0.6).lost(pieces.get(place)).sends);
        }
        assertFalse(pieces.stream().anyMatch(piece -> piece.node().equals("a")));
        List<Action> last = job.at(9.0).done(straggler).actions;
        assertEquals(new Action.Finish(), last.get(last.size() - 1));
    }
}
