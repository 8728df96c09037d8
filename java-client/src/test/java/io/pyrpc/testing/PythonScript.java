package io.pyrpc.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs Python with the package of this tree, to compare what it gives. */
public final class PythonScript {
    private PythonScript() {}

    /** What a script writes to its output. */
    public static String run(String script, String... arguments) {
        try {
            Path folder = Files.createTempDirectory("pyrpc-script-");
            Path source = Files.writeString(folder.resolve("script.py"), script);
            Path log = folder.resolve("log.txt");
            var command = new ArrayList<>(List.of(NodeProcess.python(), source.toString()));
            command.addAll(List.of(arguments));
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
            builder.environment().merge("PYTHONPATH", NodeProcess.packageFolder(), (old, ours) -> ours + ":" + old);
            Process process = builder.start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IllegalStateException("the script failed:\n" + Files.readString(log));
            }
            Files.delete(source);
            Files.delete(log);
            Files.delete(folder);
            return output;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(interrupted);
        }
    }
}
