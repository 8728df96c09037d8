package io.pyrpc.client;

import io.pyrpc.Receipt;
import io.pyrpc.client.receipt.ChunkRecord;
import io.pyrpc.client.receipt.JobRecord;
import io.pyrpc.client.receipt.JobState;
import io.pyrpc.client.receipt.Outcome;
import io.pyrpc.client.receipt.ProbeRecord;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.plan.JobTerms;
import io.pyrpc.plan.NodeFit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What is written down while a job runs; belongs to the job's lock. */
final class Books {
    private final double beganS = Clock.nowS();
    private final String stage;
    private final List<String> nodes;
    private final JobTerms terms;
    private final List<ChunkRecord> entries = new ArrayList<>();
    private final List<ProbeRecord> probes = new ArrayList<>();
    private List<NodeFit> fits = List.of();
    private double makespanS;
    private JobState state = JobState.RUNNING;
    private String error;

    Books(String stage, Collection<String> nodes, JobTerms terms) {
        this.stage = stage;
        this.nodes = List.copyOf(nodes);
        this.terms = terms;
    }

    /** Seconds since the job began. */
    double sinceBegan() {
        return Clock.nowS() - beganS;
    }

    /** The same of another moment of the clock. */
    double sinceBegan(double atS) {
        return atS - beganS;
    }

    void ended(Running one, Outcome outcome, PyrpcException failure) {
        entries.add(one.record(outcome, sinceBegan(), failure));
    }

    void probed(String node, boolean isUp) {
        probes.add(new ProbeRecord(node, sinceBegan(), isUp));
    }

    /** The job is over; what still runs counts as cancelled. */
    void close(Collection<Running> left, Throwable fault, List<NodeFit> learned) {
        makespanS = sinceBegan();
        left.forEach(one -> entries.add(one.record(Outcome.CANCELLED, makespanS, null)));
        fits = learned;
        if (fault == null) {
            state = JobState.DONE;
            return;
        }
        state = fault instanceof CancelledException ? JobState.CANCELLED : JobState.FAILED;
        error = fault instanceof PyrpcException known ? known.summary() : fault.toString();
    }

    /** What is known now. */
    Receipt receipt(Arguments arguments) {
        return new Receipt(new JobRecord(
                stage,
                arguments.rows(),
                nodes,
                makespanS,
                JobRecord.withSlots(entries),
                fits,
                arguments.rowBytes(),
                terms,
                state,
                error,
                probes));
    }
}
