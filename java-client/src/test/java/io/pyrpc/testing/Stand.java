package io.pyrpc.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The process that starts and harms the nodes of the faults that all clients are tested with: tests/faults/stand.py.
 * 
 */
public final class Stand implements AutoCloseable {
    private static final String LIST = "tests/faults/common.json";
    private static final String STAND = "tests/faults/stand.py";

    private final Process process;
    private final BufferedReader answers;
    private final Writer orders;

    public Stand() {
        ProcessBuilder builder =
                new ProcessBuilder(List.of(NodeProcess.python(), NodeProcess.inTree(STAND).toString()));
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().merge("PYTHONPATH", NodeProcess.packageFolder(), (old, ours) -> ours + ":" + old);
        try {
            process = builder.start();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        answers = process.inputReader(StandardCharsets.UTF_8);
        orders = process.outputWriter(StandardCharsets.UTF_8);
    }

    /** The list. */
    public static JsonArray faults() {
        try {
            String text = Files.readString(NodeProcess.inTree(LIST));
            return JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("faults");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Let it do something; its answer. */
    public JsonObject tell(String order) {
        try {
            orders.write(order + "\n");
            orders.flush();
            String answer = answers.readLine();
            if (answer == null) {
                throw new IllegalStateException("the stand ended at: " + order);
            }
            return JsonParser.parseString(answer).getAsJsonObject();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public void close() {
        try {
            orders.close();
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
