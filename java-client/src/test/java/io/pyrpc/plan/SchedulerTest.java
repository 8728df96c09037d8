package io.pyrpc.plan;

import static io.pyrpc.errors.FailureClass.FINAL;
import static io.pyrpc.errors.FailureClass.NOT_EXECUTED;
import static io.pyrpc.errors.FailureClass.UNKNOWN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rules of a job: who gets what, what a failure leads to, and the end. */
class SchedulerTest {
    private static final SchedulerConfig ONE_EACH = StartedJob.config().withWindow(1);

    @Test
    void everyNodeGetsAFirstChunkBeforeAnyGetsASecond() {
        assertEquals("0a 1b 2c 3a 4b 5c", new StartedJob(9, "abc").placed());
    }

    @Test
    void aNodeThatFinishesGetsTheNextChunk() {
        StartedJob job = new StartedJob(9, "ab", ONE_EACH);
        assertEquals("2b", job.done(job.allSends.get(2L)).placed());
        assertEquals("3b", job.done(job.allSends.get(3L)).placed());
    }

    @Test
    void noChunksFinishAtOnce() {
        StartedJob job = new StartedJob(0, "a");
        assertEquals(List.of(new Action.Finish()), job.actions);
        assertTrue(job.scheduler.isOver());
    }

    @Test
    void theLastChunkFinishesTheJob() {
        StartedJob job = new StartedJob(2, "a");
        Action.Send first = job.sent(0);
        assertEquals(List.of(), job.done(job.sent(1)).actions);
        assertEquals(List.of(new Action.Finish()), job.done(first).actions);
        assertEquals(0, job.scheduler.chunksLeft());
        assertEquals(0, job.scheduler.rowsLeft());
    }

    @Test
    void aReplyReportedTwiceCountsOnce() {
        StartedJob job = new StartedJob(3, "a", ONE_EACH);
        Action.Send first = job.sent(0);
        assertTrue(job.scheduler.isWanted(first.attemptId()));
        job.done(first);
        assertFalse(job.scheduler.isWanted(first.attemptId()));
        assertEquals(List.of(), job.done(first).actions);
        assertEquals(1, job.scheduler.late());
        assertEquals(2, job.scheduler.chunksLeft());
        assertEquals(List.of(), job.failed(first, FINAL).actions);
        assertFalse(job.scheduler.isOver());
    }

    @Test
    void anAnswerThatAnotherTryWouldNotChangeFailsTheJobAndCancelsTheRest() {
        StartedJob job = new StartedJob(4, "ab", ONE_EACH);
        Action.Send second = job.sent(1);
        assertEquals(
                List.of(
                        new Action.CancelAttempt(second.attemptId(), "b"),
                        new Action.Fail(1L, FailReason.FINAL, null)),
                job.failed(job.sent(0), FINAL).actions);
        assertEquals(List.of(), job.done(second).actions);
        assertEquals(List.of(), job.timer().actions);
        assertEquals(List.of(), job.down("b").actions);
    }

    @Test
    void whatMayHaveRunIsNotRepeatedUnlessIdempotent() {
        StartedJob job = new StartedJob(1, "ab", StartedJob.config(false));
        assertEquals(List.of(new Action.Fail(1L, FailReason.UNKNOWN, null)), job.lost(job.sent(0)).actions);
    }

    @Test
    void whatDidNotRunIsRepeatedEvenIfNotIdempotent() {
        StartedJob job = new StartedJob(1, "ab", StartedJob.config(false));
        assertEquals("0b", job.lost(job.sent(0), NOT_EXECUTED).placed());
        assertEquals(1, job.sent(0).attemptNo());
    }

    @Test
    void aFailedChunkWaitsItsBackoffAndGoesToAnotherNodeFirst() {
        StartedJob job = new StartedJob(6, "ab", ONE_EACH);
        Action.Send second = job.sent(1);
        assertEquals("2a", job.failed(job.sent(0), UNKNOWN).placed());
        job.wake();
        assertEquals("0b", job.done(second).placed());
    }

    @Test
    void aFailedChunkPrefersABusyNodeToTheOneItFailedOnButNotForEver() {
        StartedJob job = new StartedJob(2, "ab", ONE_EACH.withHedge(false));
        job.failed(job.sent(0), UNKNOWN);
        assertEquals("", job.wake().placed()); // the backoff is over, only a is free
        assertEquals("0a", job.wake().placed());
        assertTrue(job.nowS >= 1.0);
    }

    @Test
    void attemptsAreExhausted() {
        StartedJob job = new StartedJob(1, "abcd", StartedJob.config().withHedge(false));
        job.failed(job.sent(0), UNKNOWN).wake();
        job.failed(job.sent(0), UNKNOWN).wake();
        Action.Send third = job.sent(0);
        assertEquals(2, third.attemptNo());
        assertEquals(
                List.of(new Action.Fail(third.attemptId(), FailReason.EXHAUSTED, null)),
                job.failed(third, UNKNOWN).actions);
    }

    @Test
    void aChunkThatIsPassedOverKeepsItsPlace() {
        StartedJob job = new StartedJob(9, "abc", StartedJob.config().withWindow(3).withHedge(false));
        List<Action.Send> sends = job.sends;
        job.failed(sends.get(0), UNKNOWN);
        for (int place : new int[] {2, 5, 8}) {
            job.lost(sends.get(place), NOT_EXECUTED);
        }
        job.at(0.5).timer(); // now 0, 8 and 5 wait in this order, and all slots are taken
        assertEquals("8a", job.done(sends.get(3)).placed());
        assertEquals("0b", job.done(sends.get(1)).placed());
    }

    @Test
    void theDriverIsToldWhenItMustWakeEarlierThanItWasToldBefore() {
        StartedJob job = new StartedJob(1, "ab");
        assertEquals(1.0, job.wakeAt);
        assertEquals(List.of(new Action.WaitUntil(0.1)), job.down("b").actions);
    }

    @Test
    void cancellingCancelsWhatIsInFlightAndNothingFollows() {
        StartedJob job = new StartedJob(9, "ab", ONE_EACH);
        Action.Send first = job.sent(0);
        assertEquals(
                List.of(new Action.CancelAttempt(1, "a"), new Action.CancelAttempt(2, "b")),
                job.took(job.scheduler.cancel(0.5)).actions);
        assertEquals(List.of(), job.done(first).actions);
        assertEquals(List.of(), job.scheduler.cancel(1.0));
    }

    @Test
    void optionsThatMakeNoSenseAreRefused() {
        SchedulerConfig config = StartedJob.config();
        assertThrows(ConfigException.class, () -> config.withWindow(0));
        assertThrows(ConfigException.class, () -> config.withGiveUpS(-1.0));
        assertThrows(ConfigException.class, () -> config.withGiveUpS(Double.NaN));
        assertThrows(ConfigException.class, () -> new StartedJob(1, "aa"));
        FixedWork none = new FixedWork(List.of());
        assertThrows(ConfigException.class, () -> new Scheduler(none, List.of(), new SplitMix64(1), config));
    }

    @Test
    void newsOfANodeThatIsNotInTheJobIsRefused() {
        ConfigException error = assertThrows(ConfigException.class, () -> new StartedJob(1, "ab").up("c"));
        assertEquals("no such node in this job", error.what());
        assertEquals("a, b", error.expected());
        assertEquals("c", error.got());
    }

    @Test
    void rowsOfAStreamAreHandedOutAsTheyBecomeKnown() {
        StartedJob job = new StartedJob(new StreamGrid(2L, null), "a", ONE_EACH);
        assertEquals("", job.placed());
        assertEquals("0a", job.took(job.scheduler.more(3, 8, 0.1)).placed());
        assertEquals("", job.done(job.sent(0)).placed()); // one row is less than a chunk while more may come
        assertEquals("1a", job.took(job.scheduler.noMore(0.2)).placed());
        assertEquals(List.of(new Action.Finish()), job.done(job.sent(0)).actions);
    }

    @Test
    void onlyAStreamGetsMoreRows() {
        assertThrows(IllegalStateException.class, () -> new StartedJob(1, "a").scheduler.more(1, 8, 0.1));
    }

    @Test
    void theTermsTellWhatTheJobWasGiven() {
        assertEquals(
                new JobTerms("pull", 3, true, false, null, 0),
                new StartedJob(5, "a", StartedJob.config().withWindow(3)).scheduler.terms());
        assertEquals(
                new JobTerms("pull", 2, true, true, 7L, 0),
                new StartedJob(new DivisibleWork(100, 7L, 0.05, 1), "a", StartedJob.config()).scheduler.terms());
    }
}
