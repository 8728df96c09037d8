package io.pyrpc.vectors;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class EachFileHasAReaderTest {
    @Test
    void eachFileHasAReaderAndEachReaderAFile() throws ReflectiveOperationException, IOException {
        assertEquals(names(VectorTest.FOLDER, ".json"), kindsThatAreRead());
    }

    @Test
    void noScenarioIsThereTwiceAndThereAreTenThousand() throws IOException {
        Set<String> seeds = new HashSet<>();
        int count = 0;
        for (String kind : names(VectorTest.FOLDER, ".json")) {
            for (var scenario : VectorTest.read(kind)) {
                JsonObject fields = scenario.getAsJsonObject();
                seeds.add(fields.get("seed").getAsString());
                count++;
            }
        }
        assertEquals(count, seeds.size());
        assertEquals(true, count >= 10_000, "scenarios: " + count);
    }

    /** What the readers say of themselves; each is run by JUnit, since its name ends in Test. */
    private static Set<String> kindsThatAreRead() throws ReflectiveOperationException, IOException {
        Set<String> kinds = new TreeSet<>();
        for (String room : List.of("vectors", "plan")) {
            Path sources = Path.of(System.getProperty("basedir", "."), "src/test/java/io/pyrpc", room);
            for (String name : names(sources, "VectorTest.java")) {
                if (!name.isEmpty()) {
                    Class<?> reader = Class.forName("io.pyrpc." + room + "." + name + "VectorTest");
                    var constructor = reader.getDeclaredConstructor();
                    constructor.setAccessible(true);
                    kinds.add(((VectorTest) constructor.newInstance()).kind());
                }
            }
        }
        return kinds;
    }

    private static Set<String> names(Path folder, String ending) throws IOException {
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(ending))
                    .map(name -> name.substring(0, name.length() - ending.length()))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
