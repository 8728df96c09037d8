package io.pyrpc.client.receipt;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A receipt as text: for a person who wants to know in ten seconds whether a job went well, and if not, why. */
public final class Report {
    /** As many lines as a screen has room for beside the rest. */
    private static final int MOST_NODES = 8;

    private static final List<String> HEAD = List.of("node", "rows", "share", "chunks", "busy", "rows/s", "");
    private static final List<Outcome> SHOWN = List.of(Outcome.FAILED, Outcome.CANCELLED, Outcome.LATE);

    private Report() {}

    /** A line about the job, where its time went, and a line for each node, the busiest first if there are many. */
    public static String of(JobRecord job, Causes causes) {
        List<String> lines = new ArrayList<>();
        lines.add(headline(job));
        addState(lines, job);
        addBound(lines, job, causes);
        addNodes(lines, causes.work());
        return String.join("\n", lines);
    }

    /** A time with three or four digits that count. */
    static String timeText(double seconds) {
        if (seconds >= 0.0995) {
            return seconds < 99.95 ? fixed(seconds, 3) + " s" : grouped(seconds, 1) + " s";
        }
        return seconds >= 0.00095 ? fixed(1e3 * seconds, 1) + " ms" : fixed(1e6 * seconds, 0) + " us";
    }

    private static String headline(JobRecord job) {
        double took = job.endedS();
        boolean isDone = job.state() == JobState.DONE;
        long rows = isDone ? job.rows() : job.rowsDone();
        return String.format(
                Locale.ROOT,
                "%s: %s%d rows in %s s (%s rows/s), %s MB out, %s MB in, %d retries",
                job.stage(),
                isDone ? "" : job.rowsDone() + " of ",
                job.rows(),
                fixed(took, 3),
                grouped(took != 0 ? rows / took : 0, 0),
                fixed(job.bytesOut() / 1e6, 1),
                fixed(job.bytesIn() / 1e6, 1),
                job.retries());
    }

    private static void addState(List<String> lines, JobRecord job) {
        if (job.state() == JobState.RUNNING) {
            lines.add("  still running: this is what was done so far");
        } else if (job.state() != JobState.DONE) {
            lines.add("  " + job.state().text() + (job.error() == null ? "" : ": " + job.error()));
        }
    }

    private static void addBound(List<String> lines, JobRecord job, Causes causes) {
        if (job.entries().isEmpty()) {
            return;
        }
        double bound = causes.lowerBoundS();
        double gap = Math.max(0, job.endedS() - bound);
        String above = bound != 0 ? " (" + fixed(100 * gap / bound, 1) + "% above)" : "";
        lines.add("  lower bound " + timeText(bound) + ", gap " + timeText(gap) + above);
        if (gap > 0) {
            lines.add("  lost to " + causesText(causes.seconds()));
        }
    }

    /** What the gap was lost to, the largest first, without what makes less than 1% of it. */
    private static String causesText(Map<String, Double> causes) {
        double least = 0.01 * causes.values().stream().mapToDouble(Double::doubleValue).sum();
        return String.join(
                ", ",
                causes.entrySet().stream()
                        .filter(cause -> cause.getValue() > least)
                        .sorted(Map.Entry.<String, Double>comparingByValue()
                                .thenComparing(Map.Entry.comparingByKey())
                                .reversed())
                        .map(cause -> cause.getKey() + " " + timeText(cause.getValue()))
                        .toList());
    }

    private static void addNodes(List<String> lines, List<NodeWork> work) {
        List<NodeWork> shown = work;
        List<List<String>> table = new ArrayList<>(List.of(HEAD));
        if (work.size() > MOST_NODES) {
            shown = work.stream()
                    .sorted(Comparator.comparingLong(NodeWork::rows)
                            .thenComparingDouble(NodeWork::busyS)
                            .reversed())
                    .limit(MOST_NODES - 1)
                    .toList();
        }
        shown.forEach(node -> table.add(cells(node)));
        if (shown.size() < work.size()) {
            List<NodeWork> hidden = new ArrayList<>(work);
            hidden.removeAll(shown);
            table.add(cells(sum(hidden)));
        }
        if (!shown.isEmpty()) {
            addTable(lines, table);
        }
    }

    private static void addTable(List<String> lines, List<List<String>> table) {
        int columns = HEAD.size();
        int[] widths = new int[columns];
        for (List<String> row : table) {
            for (int column = 0; column < columns; column++) {
                widths[column] = Math.max(widths[column], row.get(column).length());
            }
        }
        for (List<String> row : table) {
            StringBuilder line = new StringBuilder("  ").append(row.get(0)).append(blanks(widths[0], row.get(0)));
            for (int column = 1; column < columns - 1; column++) {
                line.append("  ").append(blanks(widths[column], row.get(column))).append(row.get(column));
            }
            lines.add(line.append("  ").append(row.get(columns - 1)).toString().stripTrailing());
        }
    }

    private static String blanks(int width, String cell) {
        return " ".repeat(width - cell.length());
    }

    private static List<String> cells(NodeWork node) {
        List<String> outcomes = SHOWN.stream()
                .filter(node.outcomes()::containsKey)
                .map(outcome -> node.outcomes().get(outcome) + " " + outcome.text())
                .toList();
        return List.of(
                node.node(),
                Long.toString(node.rows()),
                fixed(100 * node.share(), 0) + "%",
                Long.toString(node.chunks()),
                timeText(node.busyS()),
                grouped(node.rowsPerS(), 0),
                String.join(", ", outcomes));
    }

    private static NodeWork sum(List<NodeWork> nodes) {
        Map<Outcome, Long> outcomes = new EnumMap<>(Outcome.class);
        nodes.forEach(node -> node.outcomes().forEach((outcome, count) -> outcomes.merge(outcome, count, Long::sum)));
        return new NodeWork(
                "and " + nodes.size() + " more",
                nodes.stream().mapToLong(NodeWork::rows).sum(),
                nodes.stream().mapToLong(NodeWork::chunks).sum(),
                nodes.stream().mapToDouble(NodeWork::share).sum(),
                nodes.stream().mapToDouble(NodeWork::busyS).sum(),
                0,
                nodes.stream().mapToDouble(NodeWork::rowsPerS).sum(),
                outcomes,
                0,
                0);
    }

    /** So many digits after the point; ties go to the even one, as in Python. */
    static String fixed(double value, int digits) {
        return new BigDecimal(value).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
    }

    private static String grouped(double value, int digits) {
        return String.format(Locale.ROOT, "%,." + digits + "f", new BigDecimal(fixed(value, digits)));
    }
}
