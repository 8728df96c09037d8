package io.pyrpc;

/** Told how far a job is, in the thread that keeps the job's time: the caller's own for map and reduce. */
@FunctionalInterface
public interface Progress {
    /**
     * Rows were done. What it throws ends the job.
     *
     * @param done rows done
     * @param total rows in all, or -1 while a source of rows is not at its end
     */
    void report(long done, long total);

    /** A line on stderr: rows done, percent, rows a second, seconds left. */
    static Progress line(String label) {
        return new ProgressLine(label, System.err);
    }
}
