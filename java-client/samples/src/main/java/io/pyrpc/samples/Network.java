package io.pyrpc.samples;

import io.pyrpc.Args;
import io.pyrpc.Broadcast;
import io.pyrpc.NdArray;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** The weights of a network with one hidden layer, and the steps in which it learns (Adam; Kingma and Ba, 2015). */
final class Network {
    /** As the stages name them. */
    private static final List<String> NAMES = List.of("hidden", "hidden_bias", "output", "output_bias");

    private static final float STEP = 0.005f;
    private static final float KEEP_MEAN = 0.8f;
    private static final float KEEP_SQUARE = 0.95f;

    private final long[][] shapes;
    private final float[][] weights;
    private final float[][] means;
    private final float[][] squares;
    private int steps;

    /** Random weights, the same for one seed. */
    Network(int inputs, int hidden, int classes, long seed) {
        shapes = new long[][] {{inputs, hidden}, {hidden}, {hidden, classes}, {classes}};
        Random random = new Random(seed);
        weights = new float[][] {
            gaussian(random, inputs * hidden, Math.sqrt(2.0 / inputs)), new float[hidden],
            gaussian(random, hidden * classes, Math.sqrt(1.0 / hidden)), new float[classes],
        };
        means = new float[weights.length][];
        squares = new float[weights.length][];
        for (int part = 0; part < weights.length; part++) {
            means[part] = new float[weights[part].length];
            squares[part] = new float[weights[part].length];
        }
    }

    private static float[] gaussian(Random random, int size, double scale) {
        float[] values = new float[size];
        for (int index = 0; index < size; index++) {
            values[index] = (float) (random.nextGaussian() * scale);
        }
        return values;
    }

    /** The arguments of a stage: arrays that are split, then the weights by name, which go whole. */
    Args with(NdArray... split) {
        Args args = Args.of((Object[]) split);
        for (int part = 0; part < weights.length; part++) {
            args = args.named(NAMES.get(part), Broadcast.of(NdArray.of(weights[part], shapes[part])));
        }
        return args;
    }

    /** Go one step against a gradient that was summed over so many rows. */
    void learn(List<NdArray> sums, long rows) {
        steps++;
        IntStream.range(0, weights.length).forEach(part -> step(part, sums.get(part).toFloatArray(), rows));
    }

    private void step(int part, float[] sum, long rows) {
        float meanScale = (float) (1 - Math.pow(KEEP_MEAN, steps));
        float squareScale = (float) (1 - Math.pow(KEEP_SQUARE, steps));
        float[] mean = means[part];
        float[] square = squares[part];
        for (int index = 0; index < sum.length; index++) {
            float gradient = sum[index] / rows;
            mean[index] += (1 - KEEP_MEAN) * (gradient - mean[index]);
            square[index] += (1 - KEEP_SQUARE) * (gradient * gradient - square[index]);
            double root = Math.sqrt(square[index] / squareScale) + 1e-8;
            weights[part][index] -= (float) (STEP * (mean[index] / meanScale) / root);
        }
    }
}
