package io.pyrpc.samples;

import io.pyrpc.NdArray;
import java.util.Locale;

/** What was shown, and what the network took it for. */
final class Confusion {
    private final long[][] counts;
    private long right;
    private long all;

    /** Compare scores, float32[n, classes], with labels, int64[n]. */
    Confusion(NdArray scores, NdArray labels) {
        int classes = (int) scores.shape()[1];
        counts = new long[classes][classes];
        float[] score = scores.toFloatArray();
        long[] label = labels.toLongArray();
        for (int row = 0; row < label.length; row++) {
            int best = 0;
            for (int each = 1; each < classes; each++) {
                best = score[row * classes + each] > score[row * classes + best] ? each : best;
            }
            counts[(int) label[row]][best]++;
            right += best == label[row] ? 1 : 0;
            all++;
        }
    }

    /** The share that was recognized. */
    double accuracy() {
        return (double) right / all;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("digit  taken for");
        for (int each = 0; each < counts.length; each++) {
            text.append(String.format(Locale.ROOT, each == 0 ? "%4d" : "%5d", each));
        }
        for (int digit = 0; digit < counts.length; digit++) {
            text.append(String.format(Locale.ROOT, "%n%5d%10s", digit, ""));
            for (long count : counts[digit]) {
                text.append(count == 0 ? "    ." : String.format(Locale.ROOT, "%5d", count));
            }
        }
        return text.append(String.format(Locale.ROOT, "%nrecognized %.1f%% of %d", 100 * accuracy(), all)).toString();
    }
}
