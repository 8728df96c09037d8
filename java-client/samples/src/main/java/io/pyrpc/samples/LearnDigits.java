package io.pyrpc.samples;

import io.pyrpc.Args;
import io.pyrpc.Job;
import io.pyrpc.JobOptions;
import io.pyrpc.NdArray;
import io.pyrpc.Progress;
import io.pyrpc.PyrpcClient;
import io.pyrpc.ReduceOp;
import io.pyrpc.errors.PyrpcException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Learns to read digits from a folder of pictures, with all the work done by NumPy on Python nodes.
 *
 * <p>Arguments: the folder, the nodes ({@code h1:9090,h2:9090}), and how often all pictures are learned from (40). The
 * nodes host {@code pyrpc serve pyrpc.demo.stages:Digits}.
 */
public final class LearnDigits {
    private static final int HIDDEN = 256;
    private static final int CLASSES = 10;
    private static final long SEED = 4;
    private static final int LEAVES = 16;
    /** So much of what the folder has, from its end, is not learned from. */
    private static final double HELD_OUT = 1.0 / 3;
    /** Ink of a black pixel, as the stages measure it. */
    private static final int BLACK = 16;

    private final PyrpcClient client;

    private LearnDigits(PyrpcClient client) {
        this.client = client;
    }

    public static void main(String[] arguments) {
        if (arguments.length < 2) {
            System.err.println("usage: LearnDigits FOLDER NODES [TIMES]");
            System.exit(2);
        }
        int times = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 40;
        try (PyrpcClient client = PyrpcClient.connect(arguments[1])) {
            new LearnDigits(client).run(PictureFolder.read(Path.of(arguments[0])), times);
        } catch (PyrpcException | IOException error) {
            System.err.println("error: " + error.getMessage());
            System.exit(1);
        }
    }

    private void run(PictureFolder folder, int times) {
        long rows = folder.labels().rowCount();
        long learned = rows - Math.round(rows * HELD_OUT);
        System.out.printf(Locale.ROOT, "%d pictures, %d to learn from%n", rows, learned);

        NdArray images = map("preprocess", "Digits.preprocess", ink(folder.images()), upright(rows));
        NdArray features = map("features", "Digits.features", images);
        Network network = learn(features.rows(0, learned), folder.labels().rows(0, learned), times);

        NdArray unseen = features.rows(learned, rows);
        NdArray scores = client.map("Digits.predict", network.with(unseen));
        System.out.println(new Confusion(scores, folder.labels().rows(learned, rows)));
    }

    /** A map with a line about its progress, then one about what came of it. */
    private NdArray map(String label, String stage, NdArray... arrays) {
        JobOptions options = JobOptions.ofDefaults().withProgress(Progress.line(label));
        Job<NdArray> job = client.mapAsync(stage, Args.of((Object[]) arrays), options);
        NdArray result = job.result();
        System.out.println(job.receipt());
        return result;
    }

    /** Gradient descent over all rows at once; the nodes compute the gradients of their rows. */
    private Network learn(NdArray features, NdArray labels, int times) {
        long rows = labels.rowCount();
        Network network = new Network((int) features.shape()[1], HIDDEN, CLASSES, SEED);
        JobOptions leaves = JobOptions.ofDefaults().withChunkRows((rows + LEAVES - 1) / LEAVES);
        Progress line = Progress.line("train");
        for (int time = 1; time <= times; time++) {
            List<NdArray> gradient = arrays(
                    client.reduce("Digits.gradient", ReduceOp.sum(), network.with(features, labels), leaves));
            network.learn(gradient, rows);
            line.report(time * rows, times * rows);
        }
        return network;
    }

    private static List<NdArray> arrays(Object tuple) {
        return ((List<?>) tuple).stream().map(NdArray.class::cast).toList();
    }

    /** Ink on paper: the darker a pixel, the more. */
    private static NdArray ink(NdArray images) {
        byte[] pixels = images.toByteArray();
        for (int index = 0; index < pixels.length; index++) {
            int darkness = 255 - Byte.toUnsignedInt(pixels[index]);
            pixels[index] = (byte) Math.round(darkness * BLACK / 255f);
        }
        return NdArray.ofUnsigned(pixels, images.shape());
    }

    /** Every picture as it is: neither turned nor moved. */
    private static NdArray upright(long rows) {
        float[] poses = new float[Math.toIntExact(6 * rows)];
        for (int row = 0; row < rows; row++) {
            poses[6 * row] = 1;
            poses[6 * row + 4] = 1;
        }
        return NdArray.of(poses, rows, 2, 3);
    }
}
