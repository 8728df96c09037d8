package io.pyrpc.plan;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.FailureClass;
import io.pyrpc.errors.OverloadedException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.plan.balance.Balancer;
import io.pyrpc.plan.balance.Balancers;
import io.pyrpc.plan.balance.NodeView;
import java.util.AbstractList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Single calls: which node an attempt goes to, what its end tells of that node, and whether and when there is another.
 *
 * <p>How {@link Balancer}, {@link Outliers}, {@link RetryPolicy}, {@link CallBudget} and {@link Latencies} work
 * together ("Single calls" of thrift/PLANNER.md). A driver asks before each attempt and tells of its end:
 *
 * <pre>
 * begin -&gt; (end | forget | lose); after a failure: retryAfterS, then begin again or lastError
 * beginRequest -&gt; (answered | end | forget), for what is no call
 * </pre>
 *
 * <p>Nodes are named by their index, times are seconds. With one node nothing is kept of it, as there is nothing to
 * choose. Not thread-safe: a driver has a lock.
 */
public final class CallPlan {
    private static final int METHODS_KEPT = 1024;

    private final Balancer balancer;
    private final RetryPolicy retry;
    private final SplitMix64 prng;
    // All below is shared by plans that differ in their policy only.
    private final List<CallNode> nodes;
    private final List<NodeView> views;
    private final Outliers outliers;
    private final CountedBudget budget;
    private final Map<String, Latencies> methods;

    /** The budget, and the calls that it has not been told of yet: it is told when it is asked. */
    private static final class CountedBudget {
        private final CallBudget budget = new CallBudget();
        private long untold;

        private CallBudget told(double nowS) {
            budget.onCalls(untold, nowS);
            untold = 0;
            return budget;
        }
    }

    /**
     * A plan for the calls of one client.
     *
     * @param endpoints of its nodes; at least one
     * @param balancer picks among them
     * @param prng the generator for all single calls
     */
    public CallPlan(List<String> endpoints, Balancer balancer, RetryPolicy retry, SplitMix64 prng) {
        this.balancer = Balancers.checked(balancer);
        this.retry = retry;
        this.prng = prng;
        nodes = endpoints.stream().map(CallNode::new).toList();
        views = viewsOf(IntStream.range(0, nodes.size()).boxed().toList());
        outliers = new Outliers(healths());
        budget = new CountedBudget();
        methods = new HashMap<>();
    }

    private CallPlan(CallPlan other, Balancer balancer) {
        this.balancer = Balancers.checked(balancer);
        retry = other.retry;
        prng = other.prng;
        nodes = other.nodes;
        views = other.views;
        outliers = other.outliers;
        budget = other.budget;
        methods = other.methods;
    }

    /** Another plan for the same nodes, with all that is known of them, that chooses by another policy. */
    public CallPlan withPolicy(Balancer other) {
        return new CallPlan(this, other);
    }

    /** What is known of the latencies of a method. */
    public Latencies latencies(String method) {
        Latencies known = methods.get(method);
        if (known == null) {
            if (methods.size() >= METHODS_KEPT) {
                methods.clear();
            }
            known = new Latencies();
            methods.put(method, known);
        }
        return known;
    }

    // -- attempts

    /**
     * Chooses the node of an attempt.
     *
     * @param tried the nodes that this call tried, in order; empty for its first attempt
     * @return a node, one that was not tried where there is such
     */
    public int begin(List<Integer> tried, double nowS) {
        if (tried.isEmpty()) {
            budget.untold++;
        }
        if (isAlone()) {
            return 0;
        }
        boolean isPlain = tried.isEmpty() && outliers.isCalm();
        int node = isPlain ? balancer.pick(views, prng, nowS) : pickAmongUsable(tried, nowS);
        nodes.get(node).begin();
        return node;
    }

    /**
     * Chooses the node for what is no call: the first that is up and was not tried.
     *
     * <p>Nothing is drawn, and the policy is not asked: some requests are made in the background, and the choices for
     * calls must not depend on when.
     *
     * @param tried the nodes that this request tried, in order
     */
    public int beginRequest(List<Integer> tried, double nowS) {
        if (isAlone()) {
            return 0;
        }
        List<Integer> candidates = without(tried, IntStream.range(0, nodes.size()).boxed());
        if (candidates.isEmpty()) {
            candidates = IntStream.range(0, nodes.size()).boxed().toList();
        }
        Comparator<Integer> downLast = Comparator.comparing(node -> !nodes.get(node).health.isUsable(nowS));
        int node = Collections.min(candidates, downLast.thenComparing(outliers::isEjected));
        nodes.get(node).health.onCall(nowS);
        nodes.get(node).begin();
        return node;
    }

    private int pickAmongUsable(List<Integer> tried, double nowS) {
        List<Integer> usable = outliers.usable(nowS, prng);
        List<Integer> candidates = without(tried, usable.stream());
        if (candidates.isEmpty()) {
            candidates = without(tried, IntStream.range(0, nodes.size()).boxed());
        }
        if (candidates.isEmpty()) {
            candidates = IntStream.range(0, nodes.size()).boxed().toList();
        }
        if (!tried.isEmpty()) {
            // Whoever was turned away somewhere goes to nodes that have not said lately that they are overloaded.
            List<Integer> rested = candidates.stream().filter(one -> !nodes.get(one).isOverloaded(nowS)).toList();
            candidates = rested.isEmpty() ? candidates : rested;
        }
        int node = candidates.get(balancer.pick(viewsOf(candidates), prng, nowS));
        outliers.onCall(node, nowS);
        return node;
    }

    private static List<Integer> without(List<Integer> tried, Stream<Integer> candidates) {
        return candidates.filter(node -> !tried.contains(node)).toList();
    }

    /**
     * An attempt has ended.
     *
     * @param beganS when it began
     * @param failure null: it succeeded
     * @param latencies those of its method, which its latency joins if it succeeded; null: it joins none
     */
    public void end(int node, double beganS, PyrpcException failure, Latencies latencies, double nowS) {
        if (isAlone()) {
            return;
        }
        double tookS = nowS - beganS;
        double medianS = 0;
        if (failure == null && latencies != null) {
            latencies.add(tookS);
            medianS = latencies.medianS();
        }
        nodes.get(node).end(tookS, medianS, nowS);
        if (failure instanceof OverloadedException) {
            double askedS = failure.retryAfter() == null ? 0 : failure.retryAfter().toMillis() / 1000.0;
            nodes.get(node).turnedAway(askedS, nowS);
        }
        if (failure != null || !outliers.isCalm()) {
            noteHealth(node, CallOutcome.of(failure), nowS);
        }
    }

    private void noteHealth(int node, CallOutcome outcome, double nowS) {
        if (outcome == CallOutcome.ANSWERED) {
            outliers.onSuccess(node, nowS);
        } else {
            outliers.onFailure(node, nowS, outcome == CallOutcome.LOST);
        }
    }

    /** An attempt was broken off here: that tells nothing of the node. */
    public void forget(int node) {
        if (!isAlone()) {
            nodes.get(node).forget();
        }
    }

    /** The node answered what is no call: it is there, which tells nothing of its calls. */
    public void answered(int node) {
        if (!isAlone()) {
            nodes.get(node).forget();
            nodes.get(node).health.onSuccess();
        }
    }

    /** An attempt was cancelled because another one of the same call was quicker. */
    public void lose(int node, double beganS, Latencies latencies, double nowS) {
        // How much longer it would have taken is not known; each further loss doubles the guess.
        nodes.get(node).lose(2.0 * (nowS - beganS), latencies.medianS(), nowS);
    }

    // -- further attempts

    /** Whether a call that has no reply yet may go to another node too; takes it out of the budget. */
    public boolean tryHedge(double nowS) {
        return budget.told(nowS).tryHedge(nowS);
    }

    /**
     * How long to wait before the next attempt, in seconds; empty: there is to be none, see {@link #lastError}.
     *
     * @param failure of the last attempt
     * @param mayRepeat whether a second run does no harm; asked for failures of the class UNKNOWN only
     * @param tried the nodes that had their attempts, the last one with {@code failure}
     * @param remainingS time left, in seconds; infinity: any
     */
    public OptionalDouble retryAfterS(
            PyrpcException failure, boolean mayRepeat, List<Integer> tried, double remainingS, double nowS) {
        if (remainingS <= 0) {
            return OptionalDouble.empty();
        }
        FailureClass failureClass = failure.failureClass();
        boolean isAllowed = failureClass == FailureClass.NOT_EXECUTED
                || failureClass == FailureClass.UNKNOWN && mayRepeat;
        if (isAllowed && isOfTheNode(failure) && distinct(tried) < nodes.size()) {
            // A node that nobody has tried yet is not a repetition that could make a crowd: at once.
            return OptionalDouble.of(0.0);
        }
        Long askedMs = failure.retryAfter() == null ? null : failure.retryAfter().toMillis();
        RetryDecision decision = retry.decide(failureClass, tried.size() - 1, mayRepeat, prng, askedMs);
        boolean isPaid = decision.retry() && budget.told(nowS).tryRetry(nowS);
        // It asked to be left alone; that is no reason to wait for another one.
        double delayS = failure instanceof OverloadedException && hasOther(tried, nowS) ? 0.0 : decision.delayS();
        return isPaid && delayS < remainingS ? OptionalDouble.of(delayS) : OptionalDouble.empty();
    }

    /** Whether there is a node that this call did not try, and that is not known to be overloaded or lost. */
    private boolean hasOther(List<Integer> tried, double nowS) {
        return without(tried, IntStream.range(0, nodes.size()).boxed()).stream()
                .map(nodes::get)
                .anyMatch(node -> !node.isOverloaded(nowS) && node.health.isUp());
    }

    /** Whether another node may well do what this one could not. */
    private static boolean isOfTheNode(PyrpcException failure) {
        return CallOutcome.of(failure) == CallOutcome.LOST || CallOutcome.isOutOfTime(failure);
    }

    private static int distinct(List<Integer> tried) {
        return new HashSet<>(tried).size();
    }

    /** What the caller gets to see of a call that failed for good. */
    public PyrpcException lastError(PyrpcException failure, List<Integer> tried) {
        boolean hasTriedAll = nodes.size() > 1 && distinct(tried) == nodes.size();
        if (!(failure instanceof UnreachableException && hasTriedAll)) {
            return failure;
        }
        String all = String.join(", ", views.stream().map(NodeView::endpoint).toList());
        return new UnreachableException(
                "no node can be reached",
                Detail.mismatch("at least one of " + all, failure.got())
                        .withHelp("are they running? pyrpc serve module:Object --port PORT starts one"));
    }

    // -- for pings

    /** The nodes as balancers see them, now. */
    public List<NodeView> views() {
        return views;
    }

    /** What the calls have shown; told of pings by the driver. */
    public Outliers outliers() {
        return outliers;
    }

    /** The health of each node. */
    public List<NodeHealth> healths() {
        return nodes.stream().map(node -> node.health).toList();
    }

    /** When each node replied to a call last. That one ran out of time, or was given up, is no reply. */
    public double[] repliedAtS() {
        return IntStream.range(0, nodes.size())
                .mapToDouble(node -> outliers.isInDoubt(node)
                        ? Double.NEGATIVE_INFINITY
                        : nodes.get(node).repliedAtS())
                .toArray();
    }

    /** When the last call ended; now while one is on its way. */
    public double calledAtS(double nowS) {
        double lastS = Double.NEGATIVE_INFINITY;
        for (NodeView view : views) {
            lastS = view.inFlight() > 0 ? nowS : Math.max(lastS, view.seenAt());
        }
        return lastS;
    }

    private boolean isAlone() {
        return nodes.size() == 1;
    }

    private List<NodeView> viewsOf(List<Integer> chosen) {
        return new AbstractList<>() {
            @Override
            public NodeView get(int place) {
                return nodes.get(chosen.get(place)).view();
            }

            @Override
            public int size() {
                return chosen.size();
            }
        };
    }
}
