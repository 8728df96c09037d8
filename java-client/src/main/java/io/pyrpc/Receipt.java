package io.pyrpc;

import io.pyrpc.client.receipt.Causes;
import io.pyrpc.client.receipt.ChunkRecord;
import io.pyrpc.client.receipt.Form;
import io.pyrpc.client.receipt.JobRecord;
import io.pyrpc.client.receipt.JobState;
import io.pyrpc.client.receipt.NodeWork;
import io.pyrpc.client.receipt.Report;
import io.pyrpc.client.receipt.Trace;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What became of a job: what went where, how soon it could have ended, and what it lost its time to.
 *
 * <p>Complete once the job has ended, well or not: a failed or cancelled one has a receipt of what was done until then,
 * and its bound is that of the rows that were done. Immutable and thread-safe; what follows from the records is worked
 * out when it is asked for.
 */
public final class Receipt {
    private final JobRecord job;
    private volatile Causes causes;

    /** The receipt of what was written down; {@link Job#receipt} makes it. */
    public Receipt(JobRecord job) {
        this.job = Objects.requireNonNull(job, "job");
    }

    // -- what was written down

    /** All that was written down. */
    public JobRecord record() {
        return job;
    }

    /** The stage. */
    public String stage() {
        return job.stage();
    }

    /** How many rows the job has. */
    public long rows() {
        return job.rows();
    }

    /** All nodes that took part or could have. */
    public List<String> nodes() {
        return job.nodes();
    }

    /** What became of the job. */
    public JobState state() {
        return job.state();
    }

    /** Why it failed or was cancelled, in one line; null if it did not. */
    public String error() {
        return job.error();
    }

    /** Seconds from start to end of the job; 0 as long as it runs. */
    public double makespanS() {
        return job.makespanS();
    }

    /** Every attempt at every chunk, in the order they ended. */
    public List<ChunkRecord> entries() {
        return job.entries();
    }

    // -- how good it was

    /** How soon an ideal scheduler had ended the same work on the same nodes, in seconds; 0 if nothing was done. */
    public double lowerBoundS() {
        return causesOfGap().lowerBoundS();
    }

    /** The makespan above the lower bound, in seconds; never negative. */
    public double gapS() {
        return Math.max(0, job.endedS() - lowerBoundS());
    }

    /** The makespan above the lower bound, as a share of the bound: 0.05 is 5% more; 0 if nothing was done. */
    public double gap() {
        double bound = lowerBoundS();
        return bound != 0 ? gapS() / bound : 0;
    }

    /**
     * What the gap was lost to, in seconds, none negative; the sum is {@link #gapS}. Keys are transfer, straggler,
     * queue, retries, serialization, down and other; {@link Causes} defines each.
     */
    public Map<String, Double> causes() {
        return causesOfGap().seconds();
    }

    /** What each node did, in the order of {@link #nodes}. */
    public List<NodeWork> work() {
        return causesOfGap().work();
    }

    // -- sums

    /** How many rows of the result each node gave. */
    public Map<String, Long> rowsByNode() {
        return Form.rowsByNode(job);
    }

    /** Rows of the result that were done: all of them, unless the job failed or was cancelled. */
    public long rowsDone() {
        return job.rowsDone();
    }

    /** Attempts beyond the first of each chunk, hedges included. */
    public long retries() {
        return job.retries();
    }

    /** Bytes sent, retries included. */
    public long bytesOut() {
        return job.bytesOut();
    }

    /** Bytes received. */
    public long bytesIn() {
        return job.bytesIn();
    }

    // -- as text and data

    /** Plain maps, lists, numbers and texts, with the keys of the Python client's {@code to_dict}. */
    public Map<String, Object> toMap() {
        return Form.toMap(job, causesOfGap());
    }

    /** The same as JSON. */
    public String toJson() {
        return Form.toJson(job, causesOfGap());
    }

    /**
     * The receipt that {@link #toMap} was called on, or Python's {@code to_dict}.
     *
     * @throws io.pyrpc.errors.ConfigException it is no receipt, or one of a version that this client does not know
     */
    public static Receipt fromMap(Map<String, ?> data) {
        return new Receipt(Form.fromMap(data));
    }

    /**
     * Write it to a file ending in .json, which Chrome's chrome://tracing and ui.perfetto.dev open, and which {@link
     * #load} and Python's {@code Receipt.load} read back. A file that is there is written over.
     *
     * @throws io.pyrpc.errors.ConfigException the name ends otherwise
     * @throws java.io.UncheckedIOException it cannot be written
     */
    public void save(Path path) {
        Trace.save(path, job, causesOfGap());
    }

    /**
     * The receipt that {@link #save} wrote, or Python's; a file with the JSON of {@link #toJson} is read too.
     *
     * @throws io.pyrpc.errors.ConfigException the file has no receipt
     * @throws java.io.UncheckedIOException it cannot be read
     */
    public static Receipt load(Path path) {
        return new Receipt(Trace.load(path));
    }

    private Causes causesOfGap() {
        Causes known = causes;
        if (known == null) {
            known = new Causes(job);
            causes = known;
        }
        return known;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Receipt receipt && job.equals(receipt.job);
    }

    @Override
    public int hashCode() {
        return job.hashCode();
    }

    /** A short report, also for hundreds of nodes. */
    @Override
    public String toString() {
        return Report.of(job, causesOfGap());
    }
}
