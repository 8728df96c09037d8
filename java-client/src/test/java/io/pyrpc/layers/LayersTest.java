package io.pyrpc.layers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayersTest {
    private static final Path SOURCES = Path.of(System.getProperty("basedir", "."), "src", "main", "java");

    @TempDir
    private Path folder;

    @Test
    void theSourcesKeepTheRules() throws IOException {
        List<SourceFile> files = SourceFile.below(SOURCES);
        assertTrue(files.size() > 50, "sources were found: " + files.size());
        assertEquals("", String.join("\n", new Layers(files).violations()));
    }

    // -- each rule can be broken

    private void write(String className, String... lines) throws IOException {
        String packageName = className.substring(0, className.lastIndexOf('.'));
        Path path = folder.resolve(className.replace('.', '/') + ".java");
        Files.createDirectories(path.getParent());
        Files.writeString(path, "package " + packageName + ";\n" + String.join("\n", lines) + "\n");
    }

    private void isRefused(String says) throws IOException {
        List<String> broken = new Layers(SourceFile.below(folder)).violations();
        assertTrue(broken.stream().anyMatch(line -> line.contains(says)), "expected " + says + ", got " + broken);
    }

    private void isFine() throws IOException {
        assertEquals(List.of(), new Layers(SourceFile.below(folder)).violations());
    }

    @Test
    void anArrowThatGoesUpIsRefused() throws IOException {
        write("io.pyrpc.plan.Plan", "import io.pyrpc.wire.Codec;", "class Plan { Codec codec; }");
        isRefused("Plan uses io.pyrpc.wire.Codec: not an arrow");
    }

    @Test
    void anArrowWithoutAnImportIsRefused() throws IOException {
        write("io.pyrpc.wire.Codec", "class Codec { Object o = new io.pyrpc.transport.Pool(); }");
        isRefused("Codec uses io.pyrpc.transport.Pool");
    }

    @Test
    void onlyWireSeesGeneratedCode() throws IOException {
        write("io.pyrpc.client.Caller", "import io.pyrpc.gen.Tensor;", "class Caller {}");
        isRefused("Caller uses io.pyrpc.gen.Tensor");
    }

    @Test
    void nobodyUsesTesting() throws IOException {
        write("io.pyrpc.client.Caller", "import io.pyrpc.testing.BalancerCheck;", "class Caller {}");
        isRefused("Caller uses io.pyrpc.testing.BalancerCheck");
    }

    @Test
    void aRoomThatNobodyKnowsIsRefused() throws IOException {
        write("io.pyrpc.util.Things", "class Things {}");
        isRefused("the room util has no line");
    }

    @Test
    void wireMayUseAnArrayButNotTheClientBehindIt() throws IOException {
        write("io.pyrpc.NdArray", "public class NdArray {}");
        write("io.pyrpc.wire.Codec", "import io.pyrpc.NdArray;", "public class Codec { NdArray array; }");
        isFine();
        write("io.pyrpc.NdArray", "public class NdArray { Friend friend; }");
        write("io.pyrpc.Friend", "class Friend { io.pyrpc.wire.Codec codec; }");
        isRefused("Codec uses io.pyrpc.NdArray, which leads back to it: a circle");
    }

    @Test
    void planHasNoClockChanceThreadsFilesOrSockets() throws IOException {
        String[] impure = {
            "double d = Math.random();",
            "long l = System.nanoTime();",
            "Object o = new java.util.Random();",
            "Object o = new Thread();",
            "Object o = java.nio.ByteBuffer.allocate(1);",
            "synchronized void f() {}",
            "void f() { synchronized (this) { } }",
        };
        for (String code : impure) {
            write("io.pyrpc.plan.Plan", "class Plan { " + code + " }");
            isRefused("io.pyrpc.plan.Plan");
        }
        for (String name : List.of("java.util.Random", "java.net.URI", "java.nio.ByteBuffer", "org.slf4j.Logger")) {
            write("io.pyrpc.plan.balance.Deep", "import " + name + ";", "class Deep {}");
            isRefused("Deep uses " + name);
        }
    }

    @Test
    void planMayUseCollectionsAndErrors() throws IOException {
        write("io.pyrpc.plan.Plan", "import java.util.List;", "import io.pyrpc.errors.Detail;", "class Plan {}");
        isFine();
    }

    @Test
    void socketsAreOfTransportAlone() throws IOException {
        write("io.pyrpc.transport.Pool", "import java.nio.channels.SocketChannel;", "class Pool {}");
        isFine();
        write("io.pyrpc.client.Caller", "import java.nio.channels.SocketChannel;", "class Caller {}");
        isRefused("Caller uses java.nio.channels.SocketChannel");
    }

    @Test
    void whatACommentSaysIsNoArrow() throws IOException {
        write("io.pyrpc.plan.Plan", "/** See {@code io.pyrpc.client.Caller}. */", "class Plan {}");
        isFine();
    }

    @Test
    void aMethodOfSixtyOneLinesIsTooLong() throws IOException {
        write("io.pyrpc.client.Caller", "class Caller {", "void f() {", "int i;\n".repeat(57), "}", "}");
        isFine();
        write("io.pyrpc.client.Caller", "class Caller {", "void f() {", "int i;\n".repeat(58), "}", "}");
        isRefused("Caller.f:3 has 61 lines");
    }

    @Test
    void aFileOfMoreThanSixHundredLinesIsTooLong() throws IOException {
        write("io.pyrpc.client.Caller", "class Caller {", "//\n".repeat(600), "}");
        isRefused("Caller has 60");
    }

    @Test
    void aLineOfMoreThanOneHundredAndTwentyCharactersIsTooLong() throws IOException {
        write("io.pyrpc.client.Caller", "class Caller {", "/".repeat(120), "}");
        isFine();
        write("io.pyrpc.client.Caller", "class Caller {", "/".repeat(121), "}");
        isRefused("Caller has a line of 121 characters");
    }
}
