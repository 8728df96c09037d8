package io.pyrpc.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import io.pyrpc.plan.balance.NodeView;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The policies of jobs: all balancers by name, and a user's own. */
class JobPolicyTest {
    /** Always the last of those that are free; keeps what it was shown. */
    private static final class Last implements Balancer {
        final List<List<NodeView>> shown = new ArrayList<>();

        @Override
        public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
            shown.add(List.copyOf(nodes));
            return nodes.size() - 1;
        }
    }

    /** Answers that were prepared. */
    private static final class Picks implements Balancer {
        private final Deque<Integer> answers;

        Picks(Integer... answers) {
            this.answers = new ArrayDeque<>(List.of(answers));
        }

        @Override
        public int pick(List<NodeView> nodes, SplitMix64 prng, double nowS) {
            return answers.removeFirst();
        }
    }

    private static StartedJob job(Balancer own, int chunks, int window) {
        return new StartedJob(chunks, "abc", StartedJob.config().withWindow(window).withPolicy(JobPolicy.of(own)));
    }

    @Test
    void everyBalancerIsAPolicyOfJobsByItsName() {
        assertTrue(JobPolicy.names().containsAll(Balancers.names()));
        assertTrue(JobPolicy.names().contains("pull"));
        JobPolicy.names().forEach(name -> assertEquals(name, JobPolicy.named(name).name()));
    }

    @Test
    void whatIsNoPolicyIsRefusedWithTheListOfAll() {
        for (String name : new String[] {"best", "", null}) {
            ConfigException error = assertThrows(ConfigException.class, () -> JobPolicy.named(name));
            assertTrue(error.expected().startsWith("min_max, pull, round_robin, random_priority"), error.expected());
            assertEquals(String.valueOf(name), error.got());
        }
        assertThrows(ConfigException.class, () -> JobPolicy.of(null));
    }

    @Test
    void ownPolicyChoosesAmongNodesWithAFreeSlotInTheirOrder() {
        Last policy = new Last();
        assertEquals("0c 1c 2b 3b 4a 5a", job(policy, 20, 2).placed());
        List<List<String>> shown = new ArrayList<>();
        policy.shown.forEach(
                views -> shown.add(views.stream().map(NodeView::endpoint).toList()));
        assertEquals(
                List.of(
                        List.of("a", "b", "c"),
                        List.of("a", "b", "c"),
                        List.of("a", "b"),
                        List.of("a", "b"),
                        List.of("a"),
                        List.of("a")),
                shown);
    }

    @Test
    void ownPolicySeesWhatRowsTakeOnEachNode() {
        Last policy = new Last();
        StartedJob job = job(policy, 20, 1);
        job.at(1.0).done(job.allSends.get(3L)).at(3.0).done(job.allSends.get(2L));
        NodeView view = policy.shown.get(policy.shown.size() - 1).get(0);
        assertEquals(List.of("b", 3.0, 3.0, 3.0), List.of(view.endpoint(), view.ewmaS(), view.peakS(), view.seenAt()));
        assertTrue(view.slowness() > 1.0);
    }

    @Test
    void ownPolicyThatPicksNoNodeFailsTheJobBeforeAnythingIsSent() {
        for (int answer : new int[] {3, -1}) {
            StartedJob job = job(new Picks(answer), 20, 2);
            Action.Fail fail = (Action.Fail) job.actions.get(0);
            assertEquals(1, job.actions.size());
            assertEquals(FailReason.POLICY, fail.reason());
            assertEquals(null, fail.attemptId());
            assertEquals("the policy Picks picked a node that there is not", fail.error().what());
            assertEquals(Integer.toString(answer), fail.error().got());
            assertTrue(job.scheduler.isOver());
        }
    }

    @Test
    void ownPolicyThatThrowsFailsTheJobWithItsErrorAsTheCause() {
        StartedJob job = job(new Picks(), 20, 2);
        Action.Fail fail = (Action.Fail) job.actions.get(0);
        assertEquals("the policy Picks failed", fail.error().what());
        assertEquals(java.util.NoSuchElementException.class, fail.error().getCause().getClass());
    }

    @Test
    void attemptsInFlightAreCancelledWhenAPolicyGoesWrongAndWhatItHadChosenIsNotSent() {
        assertEquals(1, job(new Picks(0, 1, 7), 20, 2).actions.size());
        StartedJob job = job(new Picks(0, 0, 0, 9), 20, 1);
        List<Action.Send> sends = job.sends;
        job.at(1.0).done(sends.get(0));
        List<Action> expected = new ArrayList<>();
        expected.add(new Action.CancelAttempt(sends.get(1).attemptId(), sends.get(1).node()));
        expected.add(new Action.CancelAttempt(sends.get(2).attemptId(), sends.get(2).node()));
        assertEquals(expected, job.actions.subList(0, 2));
        assertEquals(FailReason.POLICY, ((Action.Fail) job.actions.get(2)).reason());
        assertFalse(job.scheduler.isWanted(sends.get(1).attemptId()));
    }
}
