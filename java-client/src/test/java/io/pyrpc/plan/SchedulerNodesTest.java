package io.pyrpc.plan;

import static io.pyrpc.errors.FailureClass.NOT_EXECUTED;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The rules of a job for nodes that go down, come back, or are busy. */
class SchedulerNodesTest {
    private static final SchedulerConfig ONE_EACH = StartedJob.config().withWindow(1);
    private static final SchedulerConfig ONE_ATTEMPT = StartedJob.config(1);

    @Test
    void chunksOfALostNodeGoElsewhereAtOnceAndAheadOfNewOnes() {
        StartedJob job = new StartedJob(9, "ab");
        List<Action.Send> sends = job.sends;
        job.lost(sends.get(0)).lost(sends.get(2));
        assertEquals("", job.placed());
        assertEquals("2b", job.done(sends.get(1)).placed());
        assertEquals("0b", job.done(job.sent(0)).placed());
        assertEquals("4b", job.done(job.sent(0)).placed());
    }

    @Test
    void lostNodesDoNotUseUpAttempts() {
        StartedJob job = new StartedJob(1, "abc", ONE_ATTEMPT);
        assertEquals("0b", job.lost(job.sent(0)).placed());
        assertEquals("0c", job.lost(job.sent(0)).placed());
        assertEquals(List.of(new Action.Finish()), job.done(job.sent(0)).actions);
    }

    @Test
    void aChunkThatTakesThreeNodesWithItIsAPoisonPill() {
        StartedJob job = new StartedJob(1, "abcde");
        job.lost(job.sent(0));
        job.lost(job.sent(0));
        Action.Send third = job.sent(0);
        assertEquals(
                List.of(new Action.Fail(third.attemptId(), FailReason.EXHAUSTED, null)), job.lost(third).actions);
    }

    @Test
    void nodesThatNeverWereThereAreNoPoisonPill() {
        StartedJob job = new StartedJob(1, "abcdefghij");
        for (int lost = 0; lost < 9; lost++) {
            job.lost(job.sent(0), NOT_EXECUTED);
        }
        assertEquals("0j", job.placed());
    }

    @Test
    void aNodeThatIsBackGetsWorkButRatherAnotherChunkThanTheOneItFailedOn() {
        StartedJob job = new StartedJob(9, "ab", ONE_EACH);
        job.lost(job.sent(0));
        assertEquals("2a", job.at(0.2).up("a").placed());
    }

    @Test
    void nodesThatAreDownAreProbedAtGrowingIntervals() {
        StartedJob job = new StartedJob(1, "ab", StartedJob.config().withHedge(false)).down("b");
        List<Long> tenths = new ArrayList<>();
        for (int probe = 0; probe < 6; probe++) {
            assertEquals(List.of(new Action.Probe("b")), job.wake().of(Action.Probe.class));
            tenths.add(Math.round(10 * job.nowS));
            job.down("b");
        }
        assertEquals(List.of(1L, 3L, 7L, 15L, 25L, 35L), tenths);
    }

    @Test
    void theLossOfAnAttemptSentBeforeARestartDoesNotTakeTheNodeDownAgain() {
        StartedJob job = new StartedJob(9, "a");
        Action.Send second = job.sent(1);
        job.lost(job.sent(0)).at(0.1).up("a");
        assertEquals("1a", job.at(0.2).lost(second).placed());
    }

    @Test
    void noNodeForFiveSecondsFailsTheJob() {
        StartedJob job = new StartedJob(3, "ab", ONE_EACH);
        List<Action.Send> sends = job.sends;
        sends.forEach(send -> job.at(1.0).lost(send));
        while (!job.scheduler.isOver()) {
            job.wake();
            job.of(Action.Probe.class).forEach(probe -> {
                List<Action> kept = job.actions;
                job.down(probe.node());
                job.actions = kept;
            });
        }
        assertEquals(List.of(new Action.Fail(null, FailReason.NO_NODES, null)), job.actions);
        assertEquals(6.0, job.nowS);
    }

    @Test
    void aNodeThatComesBackInTimeSavesTheJob() {
        StartedJob job = new StartedJob(1, "a");
        job.lost(job.sent(0));
        assertEquals("0a", job.at(4.9).up("a").placed());
        job.at(5.0).timer();
        assertFalse(job.scheduler.isOver());
    }

    @Test
    void anOverloadedNodeIsLeftAloneAsLongAsItAsks() {
        StartedJob job = new StartedJob(9, "ab", ONE_EACH);
        Action.Send second = job.sent(1);
        assertEquals("", job.refused(job.sent(0), 700L).placed());
        assertEquals("0b", job.done(second).placed());
        assertEquals("", job.at(0.69).timer().placed());
        assertEquals("2a", job.at(0.7).timer().placed());
    }

    @Test
    void aNodeThatTurnsEverythingAwayIsAskedAtGrowingIntervals() {
        StartedJob job = new StartedJob(1, "a");
        List<Long> tenths = new ArrayList<>();
        for (int pause = 0; pause < 6; pause++) {
            double before = job.nowS;
            job.refused(job.sent(0), null).wake();
            tenths.add(Math.round(10 * (job.nowS - before)));
        }
        assertEquals(List.of(1L, 2L, 4L, 8L, 10L, 10L), tenths);
    }

    @Test
    void aJobWaitsForABusyNodeLongerThanItHasAttempts() {
        StartedJob job = new StartedJob(1, "a");
        for (int turned = 0; turned < 10; turned++) {
            job.refused(job.sent(0), 50L).wake();
        }
        assertEquals(10, job.sent(0).attemptNo());
        assertEquals(List.of(new Action.Finish()), job.done(job.sent(0)).actions);
    }

    @Test
    void aChunkThatIsTurnedAwayForHalfAMinuteGivesUp() {
        StartedJob job = new StartedJob(1, "a");
        while (!job.refused(job.sent(0), 50L).scheduler.isOver()) {
            job.wake();
        }
        assertEquals(FailReason.EXHAUSTED, job.of(Action.Fail.class).get(0).reason());
        assertTrue(job.nowS >= 30 && job.nowS < 32, "now " + job.nowS);
    }

    @Test
    void aNodeLostByAnEarlierJobGetsNoWorkBeforeItAnswers() {
        Scheduler scheduler = notStarted();
        List<Action> actions = scheduler.start(0.0, List.of("b"));
        assertEquals(List.of("a"), nodesOf(actions));
        assertEquals(List.of(new Action.Probe("b")), scheduler.timer(0.1).subList(0, 1));
        assertEquals(List.of("b"), nodesOf(scheduler.nodeUp("b", 0.1)));
    }

    @Test
    void whenAnEarlierJobHasLostAllNodesTheyAreTried() {
        assertEquals(List.of("a", "b"), nodesOf(notStarted().start(0.0, List.of("a", "b"))));
    }

    private static Scheduler notStarted() {
        FixedWork work = new FixedWork(Partition.planChunks(8, 1, 2, 1L, null));
        return new Scheduler(work, List.of("a", "b"), new SplitMix64(1), ONE_EACH);
    }

    private static List<String> nodesOf(List<Action> actions) {
        return actions.stream()
                .filter(Action.Send.class::isInstance)
                .map(action -> ((Action.Send) action).node())
                .toList();
    }
}
