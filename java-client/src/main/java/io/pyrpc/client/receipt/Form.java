package io.pyrpc.client.receipt;

import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.Detail;
import io.pyrpc.plan.JobTerms;
import io.pyrpc.plan.NodeFit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A receipt as plain data, with the keys of the Python client: each reads what the other wrote. The form is stable:
 * keys are only added, and "version" counts up if one ever changes.
 */
public final class Form {
    private static final long VERSION = 1;

    private Form() {}

    /** The job and what follows from it, as maps, lists, numbers and texts. */
    public static Map<String, Object> toMap(JobRecord job, Causes causes) {
        double gap = Math.max(0, job.endedS() - causes.lowerBoundS());
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("version", VERSION);
        map.put("stage", job.stage());
        map.put("state", job.state().text());
        map.put("error", job.error());
        map.put("rows", job.rows());
        map.put("row_bytes", job.rowBytes());
        map.put("nodes", job.nodes());
        putTerms(map, job.terms());
        map.put("makespan_s", job.makespanS());
        map.put("lower_bound_s", causes.lowerBoundS());
        map.put("gap_s", gap);
        map.put("gap", causes.lowerBoundS() != 0 ? gap / causes.lowerBoundS() : 0.0);
        map.put("causes", causes.seconds());
        map.put("retries", job.retries());
        map.put("bytes_out", job.bytesOut());
        map.put("bytes_in", job.bytesIn());
        map.put("rows_by_node", rowsByNode(job));
        map.put("work", causes.work().stream().map(Form::workMap).toList());
        map.put("fits", job.fits().stream().map(Form::fitMap).toList());
        map.put("probes", job.probes().stream().map(Form::probeMap).toList());
        map.put("entries", job.entries().stream().map(Form::entryMap).toList());
        return map;
    }

    /** The same as JSON. */
    public static String toJson(JobRecord job, Causes causes) {
        return Json.write(toMap(job, causes));
    }

    /** How many rows of the result each node gave. */
    public static Map<String, Long> rowsByNode(JobRecord job) {
        Map<String, Long> counts = new LinkedHashMap<>();
        job.nodes().forEach(node -> counts.put(node, 0L));
        for (ChunkRecord entry : job.entries()) {
            if (entry.outcome() == Outcome.OK) {
                counts.merge(entry.node(), entry.rows(), Long::sum);
            }
        }
        return counts;
    }

    private static void putTerms(Map<String, Object> map, JobTerms terms) {
        map.put("policy", terms.policy());
        map.put("window", terms.window());
        map.put("idempotent", terms.idempotent());
        map.put("is_divisible", terms.isDivisible());
        map.put("max_rows", terms.maxRows());
        map.put("most_window", terms.mostWindow());
    }

    private static Map<String, Object> workMap(NodeWork work) {
        Map<String, Object> outcomes = new LinkedHashMap<>();
        work.outcomes().forEach((outcome, count) -> outcomes.put(outcome.text(), count));
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("node", work.node());
        map.put("rows", work.rows());
        map.put("chunks", work.chunks());
        map.put("share", work.share());
        map.put("busy_s", work.busyS());
        map.put("service_s", work.serviceS());
        map.put("rows_per_s", work.rowsPerS());
        map.put("outcomes", outcomes);
        map.put("bytes_out", work.bytesOut());
        map.put("bytes_in", work.bytesIn());
        return map;
    }

    private static Map<String, Object> fitMap(NodeFit fit) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("node", fit.node());
        map.put("samples", fit.samples());
        map.put("piece_s", fit.pieceS());
        map.put("row_s", fit.rowS());
        map.put("service_row_s", fit.serviceRowS());
        map.put("overhead_s", fit.overheadS());
        return map;
    }

    private static Map<String, Object> probeMap(ProbeRecord probe) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("node", probe.node());
        map.put("at_s", probe.atS());
        map.put("is_up", probe.isUp());
        return map;
    }

    private static Map<String, Object> entryMap(ChunkRecord entry) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("chunk", entry.chunk());
        map.put("start_row", entry.startRow());
        map.put("stop_row", entry.stopRow());
        map.put("node", entry.node());
        map.put("attempt", entry.attempt());
        map.put("slot", entry.slot());
        map.put("sent_s", entry.sentS());
        map.put("done_s", entry.doneS());
        map.put("queued_s", entry.queuedS());
        map.put("service_s", entry.serviceS());
        map.put("bytes_out", entry.bytesOut());
        map.put("bytes_in", entry.bytesIn());
        map.put("outcome", entry.outcome().text());
        map.put("error", entry.error());
        map.put("prepare_s", entry.prepareS());
        map.put("replied_s", entry.repliedS());
        map.put("error_type", entry.errorType());
        return map;
    }

    /**
     * The receipt that {@link #toMap} was called on, here or in Python.
     *
     * @throws ConfigException it is no receipt, or one of a version that this client does not know
     */
    public static JobRecord fromMap(Object data) {
        Fields job = new Fields(data, "receipt");
        Object version = job.any("version");
        if (!(version instanceof Number number) || number.longValue() != VERSION) {
            throw new ConfigException(
                    "the receipt was written by another version of pyrpc",
                    Detail.mismatch("version " + VERSION, "version " + version)
                            .withHelp("read it with the pyrpc that wrote it, or a newer one"));
        }
        JobTerms terms = new JobTerms(
                job.text("policy"), (int) job.whole("window"), job.bool("idempotent"), job.bool("is_divisible"),
                job.wholeOrNull("max_rows"), (int) job.whole("most_window"));
        return new JobRecord(
                job.text("stage"),
                job.whole("rows"),
                job.list("nodes", item -> Fields.as(item, String.class, "a name in nodes")),
                job.number("makespan_s"),
                job.list("entries", Form::entry),
                job.list("fits", Form::fit),
                job.whole("row_bytes"),
                terms,
                job.one("state", JobState::of),
                job.textOrNull("error"),
                job.list("probes", Form::probe));
    }

    private static ChunkRecord entry(Object data) {
        Fields entry = new Fields(data, "ChunkRecord");
        return new ChunkRecord(
                entry.whole("chunk"),
                entry.whole("start_row"),
                entry.whole("stop_row"),
                entry.text("node"),
                (int) entry.whole("attempt"),
                (int) entry.whole("slot", 0),
                entry.number("sent_s", 0),
                entry.number("done_s", 0),
                entry.number("queued_s", 0),
                entry.number("service_s", 0),
                entry.whole("bytes_out", 0),
                entry.whole("bytes_in", 0),
                entry.one("outcome", Outcome::of),
                entry.textOrNull("error"),
                entry.number("prepare_s", 0),
                entry.number("replied_s", 0),
                entry.textOrNull("error_type"));
    }

    private static NodeFit fit(Object data) {
        Fields fit = new Fields(data, "NodeFit");
        return new NodeFit(
                fit.text("node"),
                (int) fit.whole("samples"),
                fit.number("piece_s"),
                fit.number("row_s"),
                fit.number("service_row_s"),
                fit.number("overhead_s"));
    }

    private static ProbeRecord probe(Object data) {
        Fields probe = new Fields(data, "ProbeRecord");
        return new ProbeRecord(probe.text("node"), probe.number("at_s"), probe.bool("is_up"));
    }

    /** What lies under the keys of a map, refused where it is of another kind. */
    private record Fields(Object data, String where) {
        Object any(String key) {
            if (!(data instanceof Map<?, ?> map)) {
                throw noReceipt("a map for a " + where, data);
            }
            return map.get(key);
        }

        String text(String key) {
            return as(any(key), String.class, "a text as " + key + " of a " + where);
        }

        String textOrNull(String key) {
            return any(key) == null ? null : text(key);
        }

        boolean bool(String key) {
            return as(any(key), Boolean.class, "a truth value as " + key + " of a " + where);
        }

        double number(String key) {
            return as(any(key), Number.class, "a number as " + key + " of a " + where).doubleValue();
        }

        double number(String key, double otherwise) {
            return any(key) == null ? otherwise : number(key);
        }

        long whole(String key) {
            Number number = as(any(key), Number.class, "a whole number as " + key + " of a " + where);
            if (number instanceof Double || number instanceof Float) {
                throw noReceipt("a whole number as " + key + " of a " + where, number);
            }
            return number.longValue();
        }

        long whole(String key, long otherwise) {
            return any(key) == null ? otherwise : whole(key);
        }

        Long wholeOrNull(String key) {
            return any(key) == null ? null : (Long) whole(key);
        }

        <T> T one(String key, Function<String, T> find) {
            T found = find.apply(text(key));
            if (found == null) {
                throw noReceipt("a known " + key, any(key));
            }
            return found;
        }

        <T> List<T> list(String key, Function<Object, T> read) {
            return as(any(key), List.class, "a list of " + key) instanceof List<?> list
                    ? list.stream().map(read).toList()
                    : List.of();
        }

        static <T> T as(Object value, Class<T> kind, String expected) {
            if (!kind.isInstance(value)) {
                throw noReceipt(expected, value);
            }
            return kind.cast(value);
        }

        private static ConfigException noReceipt(String expected, Object got) {
            String shown = String.valueOf(got);
            return new ConfigException(
                    "this is no receipt",
                    Detail.mismatch(expected, shown.substring(0, Math.min(80, shown.length())))
                            .withHelp("Receipt.toMap and save make one"));
        }
    }
}
