package io.pyrpc.plan;

/**
 * A line through the origin or not, fitted to (rows, seconds): {@code time = piece + rows x time per row}.
 *
 * <p>A least-squares fit in which each sample weighs {@link #KEEP} times the next newer one, so that a node which
 * becomes slow is known to be slow after a few pieces. Where all pieces have about the same rows there is no slope to
 * find, and the line goes through the origin.
 */
final class Line {
    /** What a sample weighs relative to the next newer one. */
    static final double KEEP = 0.85;

    /** Below this variance of the rows, relative to the square of their mean, a slope would be made of noise. */
    private static final double SPREAD = 0.02;

    private static final double TINY_S = 1e-9;

    int samples;
    double pieceS;
    double rowS;
    private double w;
    private double sx;
    private double sy;
    private double sxx;
    private double sxy;

    /** One more sample. */
    void add(long rows, double seconds) {
        double x = rows;
        samples++;
        w = w * KEEP + 1.0;
        sx = sx * KEEP + x;
        sy = sy * KEEP + seconds;
        sxx = sxx * KEEP + x * x;
        sxy = sxy * KEEP + x * seconds;
        pieceS = 0.0;
        rowS = Math.max(sy, TINY_S) / Math.max(sx, 1.0);
        double spread = w * sxx - sx * sx;
        if (samples > 2 && spread > SPREAD * sx * sx) {
            double slope = (w * sxy - sx * sy) / spread;
            // Outside of these the fit contradicts the model, and the ratio is the better guess.
            if (0.0 < slope && slope < rowS) {
                rowS = slope;
                pieceS = (sy - slope * sx) / w;
            }
        }
    }

    /** Seconds for so many rows. */
    double predictS(long rows) {
        return pieceS + rowS * rows;
    }
}
