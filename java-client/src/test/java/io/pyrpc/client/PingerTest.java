package io.pyrpc.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.plan.CallPlan;
import io.pyrpc.plan.RetryPolicy;
import io.pyrpc.plan.SplitMix64;
import io.pyrpc.plan.balance.Balancers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class PingerTest {
    private final Threads threads = new Threads("pyrpc-job");
    private final FakeNode here = new FakeNode("a:1", call -> 1L);
    private final FakeNode gone = new FakeNode("b:1", call -> 2L);
    private final Caller caller = new Caller(
            List.of(here, gone),
            new CallPlan(
                    List.of("a:1", "b:1"), Balancers.named("round_robin"), RetryPolicy.ofDefaults(), new SplitMix64(1)),
            method -> false,
            threads);
    private final Pinger pinger = caller.pinger(0.02);

    @AfterEach
    void close() {
        pinger.close();
        threads.close(Duration.ofSeconds(5));
        assertFalse(pinger.isRunning());
    }

    private void awaitUp(Node node, boolean isUp) {
        while (caller.isUp(node) != isUp) {
            Thread.onSpinWait();
        }
    }

    @Test
    void aNodeThatDiedIsFoundBeforeACallHasTo() {
        gone.isDown = true;
        pinger.begin();
        awaitUp(gone, false);
        assertTrue(pinger.isRunning());
        Node.Call call = new Node.Call("stage", List.of(), Map.of(), null, 0);
        for (int count = 0; count < 10; count++) {
            assertEquals(1L, caller.call(call, Deadline.NEVER, null));
        }
        assertEquals(0, gone.calls.size());
    }

    @Test
    void aNodeThatCameBackIsFoundToo() {
        gone.isDown = true;
        pinger.begin();
        awaitUp(gone, false);
        gone.isDown = false;
        awaitUp(gone, true);
        assertTrue(caller.isUp(here));
    }
}
