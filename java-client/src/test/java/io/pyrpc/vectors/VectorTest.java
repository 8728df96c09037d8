package io.pyrpc.vectors;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The planner gives the answers of one file of tests/vectors; a subclass named after the kind reads it.
 *
 * <p>A reader of what only the planner's own package sees stands in that package. What the fields mean stands in
 * tests/vectors/README.md.
 */
public abstract class VectorTest {
    /** Where the files are; the project directory is a sibling of tests. */
    static final Path FOLDER = Path.of(System.getProperty(
            "pyrpc.vectors",
            Path.of(System.getProperty("basedir", "."), "..", "tests", "vectors").toString()));

    private final String kind;

    protected VectorTest(String kind) {
        this.kind = kind;
    }

    final String kind() {
        return kind;
    }

    /** Asks the planner one scenario; an AssertionError tells how it differs. */
    protected abstract void check(JsonObject scenario);

    @Test
    void thePlannerGivesTheAnswersOfTheVectors() throws IOException {
        JsonArray scenarios = read(kind);
        for (int index = 0; index < scenarios.size(); index++) {
            JsonObject scenario = scenarios.get(index).getAsJsonObject();
            try {
                check(scenario);
            } catch (AssertionError | RuntimeException error) {
                String where = kind + ".json, scenario " + index + ", seed " + scenario.get("seed");
                throw new AssertionError(where + ": " + error.getMessage(), error);
            }
        }
    }

    /** All scenarios of a file. */
    static JsonArray read(String kind) throws IOException {
        try (Reader reader = Files.newBufferedReader(FOLDER.resolve(kind + ".json"))) {
            JsonObject content = JsonParser.parseReader(reader).getAsJsonObject();
            same(content.get("kind"), kind, "kind");
            same(content.get("version"), 1, "version");
            JsonArray scenarios = content.getAsJsonArray("cases");
            if (scenarios.isEmpty()) {
                throw new AssertionError(kind + ".json holds no scenario");
            }
            return scenarios;
        }
    }

    /**
     * Equal to the last bit.
     *
     * @param wanted what the file says
     * @param got null, a Boolean, String, Integer, Long or Double, or a List of such
     * @param where what was asked
     */
    protected static void same(JsonElement wanted, Object got, Object where) {
        if (!isSame(wanted, got)) {
            throw new AssertionError(where + ": got " + got + ", expected " + wanted);
        }
    }

    private static boolean isSame(JsonElement wanted, Object got) {
        if (wanted.isJsonNull() || got == null) {
            return wanted.isJsonNull() && got == null;
        }
        if (got instanceof List<?> list) {
            return wanted.isJsonArray() && areSame(wanted.getAsJsonArray(), list);
        }
        if (!wanted.isJsonPrimitive()) {
            return false;
        }
        if (got instanceof Double number) {
            // By its bits, so that -0.0 is not 0.0; infinities are texts, which getAsDouble reads as well.
            return Double.doubleToLongBits(number) == Double.doubleToLongBits(wanted.getAsDouble());
        }
        if (got instanceof Boolean claim) {
            return wanted.getAsJsonPrimitive().isBoolean() && wanted.getAsBoolean() == claim;
        }
        return wanted.getAsString().equals(got.toString());
    }

    private static boolean areSame(JsonArray wanted, List<?> got) {
        boolean same = wanted.size() == got.size();
        for (int place = 0; same && place < got.size(); place++) {
            same = isSame(wanted.get(place), got.get(place));
        }
        return same;
    }

    /** A number of 64 bits, unsigned, which the files hold as text. */
    protected static long unsigned(JsonElement text) {
        return Long.parseUnsignedLong(text.getAsString());
    }

    /** A whole number, or null. */
    protected static Integer wholeOrNull(JsonElement number) {
        return number.isJsonNull() ? null : Integer.valueOf(number.getAsInt());
    }

    /** A whole number, or null. */
    protected static Long longOrNull(JsonElement number) {
        return number.isJsonNull() ? null : Long.valueOf(number.getAsLong());
    }
}
