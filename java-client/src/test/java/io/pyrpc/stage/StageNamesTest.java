package io.pyrpc.stage;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pyrpc.errors.UnknownMethodException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The texts are those of the Python client. */
class StageNamesTest {
    private static final List<String> KNOWN = List.of("Stats.normalize", "Stats.mean", "double", "Vision.extract");

    private static void says(String name, String message, String help) {
        UnknownMethodException error = StageNames.unknown(name, KNOWN);
        assertEquals(message, error.what());
        assertEquals(help, error.help());
    }

    @Test
    void aMethodThatIsNearIsNamed() {
        says("Stats.normalise", "service 'Stats' has no method 'normalise'", "did you mean 'Stats.normalize'?");
    }

    @Test
    void whatThereIsIsListedWhereNothingIsNear() {
        says("Stats.xyz", "service 'Stats' has no method 'xyz'", "it has Stats.mean, Stats.normalize");
        says("q", "stage 'q' is not here", "here are Stats.mean, Stats.normalize, Vision.extract, double");
        says("Xyz.f", "service 'Xyz' is not here", "here are Stats, Vision");
    }

    @Test
    void aServiceThatWasLeftOutIsFound() {
        says("extract", "stage 'extract' is not here", "did you mean 'Vision.extract'?");
        says("Vision", "'Vision' is a service, not a stage", "call Vision.extract");
        says("Visoin.extract", "service 'Visoin' is not here", "did you mean 'Vision'?");
    }

    @Test
    void anEmptyNodeSaysSo() {
        assertEquals("here are no stages at all", StageNames.unknown("f", List.of()).help());
    }

    @Test
    void ratiosAreThoseOfDifflib() {
        assertEquals(2.0 * 8 / 18, CloseMatches.ratio("normalise", "normalize"), 1e-12);
        assertEquals(0.8, CloseMatches.ratio("abcde", "abcxe"), 1e-12);
        assertEquals(1.0, CloseMatches.ratio("", ""), 0);
    }
}
