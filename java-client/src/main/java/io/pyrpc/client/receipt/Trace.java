package io.pyrpc.client.receipt;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/**
 * A receipt as a file in Chrome's trace-event format (the JSON object form), which Perfetto opens too.
 *
 * <p>Process 0 is the job: its makespan, its lower bound, and the rows done as a counter. Each node is a process of its
 * own, and each of its attempts at the same time a thread; inside an attempt lies the time for which the stage ran.
 * Times are whole microseconds: rounded alike, attempts that follow each other do not overlap.
 */
public final class Trace {
    private static final String SUFFIX = ".json";
    /** Names that the viewers know as colours. */
    private static final Map<Outcome, String> COLOURS = Map.of(
            Outcome.OK, "good", Outcome.LATE, "grey", Outcome.CANCELLED, "grey", Outcome.FAILED, "terrible",
            Outcome.RUNNING, "bad");

    private final List<Map<String, Object>> events = new ArrayList<>();
    private final JobRecord job;

    private Trace(JobRecord job, double lowerBoundS) {
        this.job = job;
        addJob(lowerBoundS);
        List<String> nodes = job.allNodes();
        for (String node : nodes) {
            addProcess(nodes.indexOf(node) + 1, node);
        }
        TreeSet<List<Integer>> threads = new TreeSet<>(
                (left, right) -> left.get(0).equals(right.get(0))
                        ? left.get(1) - right.get(1)
                        : left.get(0) - right.get(0));
        job.entries().forEach(entry -> threads.add(List.of(nodes.indexOf(entry.node()) + 1, entry.slot())));
        threads.forEach(thread -> addName("thread_name", thread.get(0), thread.get(1), "slot " + thread.get(1)));
        job.entries().forEach(entry -> addAttempt(entry, nodes.indexOf(entry.node()) + 1));
        job.probes().forEach(probe -> addProbe(probe, nodes.indexOf(probe.node()) + 1));
    }

    /** The trace events of a job. */
    static List<Map<String, Object>> events(JobRecord job, double lowerBoundS) {
        return new Trace(job, lowerBoundS).events;
    }

    /**
     * Write the events of a job, and under the key "pyrpc" the receipt itself.
     *
     * @throws ConfigException the name does not end in .json
     * @throws UncheckedIOException it cannot be written
     */
    public static void save(Path path, JobRecord job, Causes causes) {
        if (!path.toString().toLowerCase(Locale.ROOT).endsWith(SUFFIX)) {
            throw new ConfigException(
                    "the name of a trace ends otherwise",
                    Detail.mismatch("a name ending in " + SUFFIX, path.toString())
                            .withHelp("save writes a trace for Chrome and Perfetto"));
        }
        Map<String, Object> whole = new LinkedHashMap<>();
        whole.put("traceEvents", events(job, causes.lowerBoundS()));
        whole.put("displayTimeUnit", "ms");
        whole.put("pyrpc", Form.toMap(job, causes));
        try {
            Files.writeString(path, Json.write(whole));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /**
     * The record in a file that {@link #save} wrote, here or in Python, or that holds the plain form of a receipt.
     *
     * @throws ConfigException the file has no receipt
     * @throws UncheckedIOException it cannot be read
     */
    public static JobRecord load(Path path) {
        Object data;
        try {
            data = Json.read(Files.readString(path), path.toString());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        if (data instanceof Map<?, ?> map && map.containsKey("traceEvents")) {
            if (!map.containsKey("pyrpc")) {
                throw new ConfigException(
                        path + " is a trace, but not of a pyrpc job",
                        Detail.NONE.withExpected("the key 'pyrpc'").withHelp("Receipt.save writes what can be loaded; a"
                                + " viewer that saved it again may have left the key out"));
            }
            data = map.get("pyrpc");
        }
        return Form.fromMap(data);
    }

    private void addJob(double lowerBoundS) {
        addProcess(0, "job " + job.stage());
        addSpanOfJob(0, "makespan", job.endedS());
        addSpanOfJob(1, "lower bound", lowerBoundS);
        long rows = 0;
        addCounter(0, 0);
        for (ChunkRecord entry : job.entries()) {
            if (entry.outcome() == Outcome.OK) {
                rows += entry.rows();
                addCounter(us(entry.doneS()), rows);
            }
        }
    }

    private void addSpanOfJob(int tid, String name, double seconds) {
        addName("thread_name", 0, tid, name);
        Map<String, Object> event = span(name, "job", 0, tid, 0, seconds);
        event.put("args", Map.of("rows", job.rows(), "state", job.state().text(), "seconds", seconds));
        events.add(event);
    }

    private void addCounter(long ts, long rows) {
        Map<String, Object> event = event("C", "rows done", 0, 0, ts);
        event.put("args", Map.of("rows", rows));
        events.add(event);
    }

    private void addProcess(int pid, String name) {
        addName("process_name", pid, 0, name);
        Map<String, Object> event = event("M", "process_sort_index", pid, 0, 0);
        event.put("args", Map.of("sort_index", pid));
        events.add(event);
    }

    private void addName(String kind, int pid, int tid, String name) {
        Map<String, Object> event = event("M", kind, pid, tid, 0);
        event.put("args", Map.of("name", name));
        events.add(event);
    }

    private void addProbe(ProbeRecord probe, int pid) {
        Map<String, Object> event = event("i", probe.isUp() ? "probed: up" : "probed: down", pid, 0, us(probe.atS()));
        event.put("cat", "probe");
        event.put("s", "p");
        events.add(event);
    }

    private void addAttempt(ChunkRecord entry, int pid) {
        String name = "rows " + entry.startRow() + " to " + entry.stopRow();
        Map<String, Object> event =
                span(name, entry.outcome().text(), pid, entry.slot(), entry.sentS(), entry.doneS());
        Map<String, Object> args = new LinkedHashMap<>();
        args.put("rows", entry.rows());
        args.put("chunk", entry.chunk());
        args.put("attempt", entry.attempt());
        args.put("outcome", entry.outcome().text());
        args.put("bytes_out", entry.bytesOut());
        args.put("bytes_in", entry.bytesIn());
        args.put("prepare_us", us(entry.prepareS()));
        args.put("queued_us", us(entry.queuedS()));
        args.put("service_us", us(entry.serviceS()));
        if (entry.error() != null) {
            args.put("error", entry.error());
        }
        event.put("cname", COLOURS.get(entry.outcome()));
        event.put("args", args);
        events.add(event);
        if (entry.isAnswered() && entry.serviceS() != 0) {
            Spans.Span ran = Spans.runSpan(entry);
            Map<String, Object> runs = span("runs", "stage", pid, entry.slot(), ran.startS(), ran.stopS());
            runs.put("args", Map.of("rows", entry.rows()));
            events.add(runs);
        }
    }

    private static Map<String, Object> span(
            String name, String category, int pid, int tid, double startS, double stopS) {
        Map<String, Object> event = event("X", name, pid, tid, us(startS));
        event.put("cat", category);
        event.put("dur", Math.max(0, us(stopS) - us(startS)));
        return event;
    }

    private static Map<String, Object> event(String phase, String name, int pid, int tid, long ts) {
        Map<String, Object> event = new LinkedHashMap<>();
        event.put("ph", phase);
        event.put("name", name);
        event.put("pid", pid);
        event.put("tid", tid);
        event.put("ts", ts);
        return event;
    }

    private static long us(double seconds) {
        return (long) Math.rint(seconds * 1e6);
    }
}
