package io.pyrpc.stage;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which known names are near a wrong one: Ratcliff and Obershelp's measure as Python's difflib has it, so that both
 * clients ask the same "did you mean".
 */
final class CloseMatches {
    private static final double CUTOFF = 0.6;
    /** Above this difflib leaves out frequent letters; names are shorter. */
    private static final int MAX_CHARS = 199;

    private record Match(double ratio, String name) {}

    private record Block(int a, int b, int size) {}

    private CloseMatches() {}

    /** The nearest of the candidates, the nearest first, at most so many. */
    static List<String> of(String word, Collection<String> candidates, int most) {
        String wanted = cut(word);
        List<Match> matches = new ArrayList<>();
        for (String candidate : candidates) {
            double ratio = ratio(cut(candidate), wanted);
            if (ratio >= CUTOFF) {
                matches.add(new Match(ratio, candidate));
            }
        }
        Comparator<Match> byRatio = Comparator.comparingDouble(Match::ratio);
        matches.sort(byRatio.thenComparing(Match::name).reversed());
        return matches.stream().limit(most).map(Match::name).toList();
    }

    /** Twice the characters that match over all characters; 1 for equal texts. */
    static double ratio(String a, String b) {
        int length = a.length() + b.length();
        return length == 0 ? 1 : 2.0 * matching(a, 0, a.length(), b, 0, b.length()) / length;
    }

    private static int matching(String a, int aFrom, int aTo, String b, int bFrom, int bTo) {
        Block longest = longest(a, aFrom, aTo, b, bFrom, bTo);
        if (longest.size == 0) {
            return 0;
        }
        return longest.size
                + matching(a, aFrom, longest.a, b, bFrom, longest.b)
                + matching(a, longest.a + longest.size, aTo, b, longest.b + longest.size, bTo);
    }

    /** The longest common block; of equal ones that which begins first in a, then in b. */
    private static Block longest(String a, int aFrom, int aTo, String b, int bFrom, int bTo) {
        Block best = new Block(aFrom, bFrom, 0);
        Map<Integer, Integer> lengths = new HashMap<>();
        for (int i = aFrom; i < aTo; i++) {
            Map<Integer, Integer> next = new HashMap<>();
            for (int j = bFrom; j < bTo; j++) {
                if (a.charAt(i) != b.charAt(j)) {
                    continue;
                }
                int size = lengths.getOrDefault(j - 1, 0) + 1;
                next.put(j, size);
                if (size > best.size) {
                    best = new Block(i - size + 1, j - size + 1, size);
                }
            }
            lengths = next;
        }
        return best;
    }

    private static String cut(String text) {
        return text.length() <= MAX_CHARS ? text : text.substring(0, MAX_CHARS);
    }
}
