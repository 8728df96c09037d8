package io.pyrpc.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A real node in a process of its own, on a free port of this machine.
 *
 * <p>The interpreter is what PYRPC_PYTHON (or the property pyrpc.python) says; otherwise python3, with the package from
 * this tree.
 */
public final class NodeProcess implements AutoCloseable {
    private static final long MOST_SECONDS = 30;
    private static final String LISTENING = "listening on ";

    private final Process process;
    private final Path folder;
    private final String endpoint;

    private NodeProcess(Process process, Path folder, String endpoint) {
        this.process = process;
        this.folder = folder;
        this.endpoint = endpoint;
    }

    /**
     * Start a node and wait until it listens.
     *
     * @param stages Python source of the module {@code stages}
     * @param service what of it is hosted: "stages:Class", or several with spaces between
     * @param options of {@code pyrpc serve}
     */
    public static NodeProcess start(String stages, String service, String... options) {
        return start(stages, service, Map.of(), options);
    }

    /** The same, with variables of the environment. */
    public static NodeProcess start(String stages, String service, Map<String, String> environment, String... options) {
        try {
            Path folder = Files.createTempDirectory("pyrpc-node-");
            Files.writeString(folder.resolve("stages.py"), stages);
            List<String> command = new ArrayList<>(List.of(python(), "-u", "-m", "pyrpc", "serve"));
            command.addAll(List.of(service.split(" ")));
            if (!List.of(options).contains("--port")) {
                command.addAll(List.of("--port", "0"));
            }
            command.addAll(List.of(options));
            ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
            builder.environment().merge("PYTHONPATH", folder + ":" + packageFolder(), (old, ours) -> ours + ":" + old);
            builder.environment().putAll(environment);
            builder.redirectError(folder.resolve("log.txt").toFile());
            return listening(builder.start(), folder);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** A node that hosts a class of a file of this tree. */
    public static NodeProcess ofFile(String path, String service) {
        return start("", inTree(path) + ":" + service);
    }

    static String python() {
        String named = System.getProperty("pyrpc.python", System.getenv("PYRPC_PYTHON"));
        return named == null ? "python3" : named;
    }

    /** Where the package is in this tree; of no effect where the interpreter has one installed that is asked for. */
    static String packageFolder() {
        if (System.getenv("PYRPC_INSTALLED") != null) {
            return "";
        }
        Path folder = inTree("py/pyrpc");
        return folder == null ? "" : folder.getParent().toString();
    }

    /** A file or folder of this tree; null: this is no tree. */
    static Path inTree(String path) {
        Path top = Path.of("").toAbsolutePath();
        while (top != null && !Files.exists(top.resolve(path))) {
            top = top.getParent();
        }
        return top == null ? null : top.resolve(path);
    }

    private static NodeProcess listening(Process process, Path folder) throws IOException {
        // Until it listens or ends; a test that hangs here is ended by the test's own time limit.
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (line.contains(LISTENING)) {
                String rest = line.substring(line.indexOf(LISTENING) + LISTENING.length()).strip();
                return new NodeProcess(process, folder, rest.split("[ ,]")[0]);
            }
        }
        throw new IllegalStateException("the node did not start:\n" + Files.readString(folder.resolve("log.txt")));
    }

    /** {@code host:port} that it listens on. */
    public String endpoint() {
        return endpoint;
    }

    public int port() {
        return Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** What it wrote to standard error so far. */
    public String log() {
        try {
            return Files.readString(folder.resolve("log.txt"));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** SIGKILL: it is gone without a word. Returns when it is. */
    public void kill() {
        process.destroyForcibly();
        await();
    }

    /** SIGTERM: it drains. */
    public void terminate() {
        process.destroy();
    }

    /** SIGSTOP: it hangs, until {@link #resume}. Returns when none of its threads runs any more. */
    public void pause() {
        signal("STOP");
        // The signal is on its way only: on a busy machine threads go on for a moment, and reply.
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
        while (!isStopped()) {
            if (System.nanoTime() - until > 0) {
                throw new IllegalStateException("the node does not stop");
            }
            Thread.onSpinWait();
        }
    }

    private boolean isStopped() {
        try (var tasks = Files.list(Path.of("/proc", Long.toString(pid()), "task"))) {
            return tasks.allMatch(NodeProcess::isTaskStopped);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static boolean isTaskStopped(Path task) {
        try {
            // The state follows the name, which is in brackets and may itself have some.
            String stat = Files.readString(task.resolve("stat"));
            return stat.startsWith(") T", stat.lastIndexOf(')'));
        } catch (IOException gone) {
            // A thread that has ended since the folder was listed: look again.
            return false;
        }
    }

    /** SIGCONT. */
    public void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid())).inheritIO().start();
            if (kill.waitFor() != 0) {
                throw new IllegalStateException("kill -" + name + " failed");
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    /** Wait for its end; the exit code. */
    public int await() {
        try {
            if (!process.waitFor(MOST_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException("the node does not end");
            }
            return process.exitValue();
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(error);
        }
    }

    /** Kill it, if it still runs, and remove its folder. */
    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        try (var paths = Files.walk(folder)) {
            process.waitFor(MOST_SECONDS, TimeUnit.SECONDS);
            paths.sorted(java.util.Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
