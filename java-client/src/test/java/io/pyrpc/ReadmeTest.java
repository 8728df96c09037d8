package io.pyrpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.testing.NodeProcess;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the README says is true. */
@Timeout(60)
class ReadmeTest {
    private static final Path README = Path.of(System.getProperty("basedir", "."), "README.md");

    /** The first block of a language. */
    private static String block(String language) throws Exception {
        Matcher block = Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(README));
        assertTrue(block.find());
        return block.group(1);
    }

    @Test
    void theQuickStartPrintsWhatItSays(@TempDir Path folder) throws Exception {
        Path source = Files.writeString(folder.resolve("QuickStart.java"), block("java"));
        String classPath = System.getProperty("java.class.path");
        int code = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-cp", classPath, "-d", folder.toString(), source.toString());
        assertEquals(0, code);
        PrintStream before = System.out;
        PrintStream errors = System.err;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream progress = new ByteArrayOutputStream();
        try (NodeProcess first = NodeProcess.start(block("python"), "stages:Vision");
                NodeProcess second = NodeProcess.start(block("python"), "stages:Vision");
                URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(progress, true, StandardCharsets.UTF_8));
            String endpoints = first.endpoint() + "," + second.endpoint();
            loader.loadClass("QuickStart")
                    .getMethod("main", String[].class)
                    .invoke(null, (Object) new String[] {endpoints});
        } finally {
            System.setOut(before);
            System.setErr(errors);
        }
        assertTrue(progress.toString(StandardCharsets.UTF_8).contains("features: 1000/1000 rows (100%)"));
        assertEquals("float32 1000\n784\n", printed.toString(StandardCharsets.UTF_8));
        assertTrue(Files.readString(README).contains("It prints `float32 1000` and `784`."));
    }
}
