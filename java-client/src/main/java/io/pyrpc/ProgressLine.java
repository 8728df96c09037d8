package io.pyrpc;

import java.io.PrintStream;
import java.util.Locale;

/** Rewrites one line that tells how far a job is. Not thread-safe: one job tells it. */
final class ProgressLine implements Progress {
    private static final double EVERY_S = 0.1;

    private final String label;
    private final PrintStream out;
    private final long began = System.nanoTime();
    private double shownAtS = -1;
    private boolean isOver;

    ProgressLine(String label, PrintStream out) {
        this.label = label;
        this.out = out;
    }

    @Override
    public void report(long done, long total) {
        double nowS = (System.nanoTime() - began) / 1e9;
        boolean isEnd = total >= 0 && done >= total;
        if (isOver || !isEnd && shownAtS >= 0 && nowS - shownAtS < EVERY_S) {
            return;
        }
        shownAtS = nowS;
        isOver = isEnd;
        // Blanks wipe what a longer line left behind.
        out.printf(Locale.ROOT, "\r%-78s%s", text(done, total, nowS), isEnd ? System.lineSeparator() : "");
        out.flush();
    }

    private String text(long done, long total, double nowS) {
        double speed = done / Math.max(nowS, 1e-9);
        if (total < 0) {
            return String.format(Locale.ROOT, "%s: %d rows, %,.0f rows/s", label, done, speed);
        }
        long percent = total > 0 ? 100 * done / total : 100;
        String left = done > 0 && !isOver ? String.format(Locale.ROOT, ", %.1f s left", (total - done) / speed) : "";
        return String.format(
                Locale.ROOT, "%s: %d/%d rows (%d%%), %,.0f rows/s%s", label, done, total, percent, speed, left);
    }
}
