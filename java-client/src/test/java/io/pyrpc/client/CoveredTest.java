package io.pyrpc.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.plan.Chunk;
import java.util.List;
import org.junit.jupiter.api.Test;

class CoveredTest {
    private final Covered covered = new Covered();
    private final Owners owners = new Owners();

    private static Chunk rows(long start, long stop) {
        return new Chunk(0, start, stop);
    }

    @Test
    void rowsInAnyOrderAreAllInTheEnd() {
        for (Chunk chunk : List.of(rows(20, 30), rows(0, 10), rows(10, 20))) {
            assertFalse(covered.isAll(30));
            assertTrue(covered.add(chunk));
        }
        assertTrue(covered.isAll(30));
        assertFalse(covered.isAll(31));
    }

    @Test
    void noRowIsTakenTwice() {
        assertTrue(covered.add(rows(10, 20)));
        for (Chunk chunk : List.of(rows(10, 20), rows(19, 21), rows(5, 11), rows(0, 30), rows(12, 13))) {
            assertTrue(covered.overlaps(chunk));
            assertFalse(covered.add(chunk));
        }
        assertTrue(covered.add(rows(9, 10)));
        assertTrue(covered.add(rows(20, 21)));
        assertFalse(covered.isAll(21));
    }

    @Test
    void aResultOfNoRowsIsComplete() {
        assertTrue(covered.isAll(0));
        assertTrue(covered.add(rows(0, 0)));
        assertTrue(covered.isAll(0));
    }

    @Test
    void ownersOfAnyRowAreFound() {
        owners.add(rows(0, 10), 1);
        owners.add(rows(10, 20), 2);
        assertEquals(List.of(1L, 2L), owners.of(rows(9, 11)));
        assertEquals(List.of(2L), owners.of(rows(10, 11)));
        assertEquals(List.of(), owners.of(rows(20, 25)));
        assertEquals(List.of(1L), owners.of(rows(0, 1)));
    }

    @Test
    void onlyTheOwnerTakesRowsBack() {
        owners.add(rows(0, 10), 1);
        assertFalse(owners.remove(rows(0, 10), 2));
        assertFalse(owners.remove(rows(0, 9), 1));
        assertTrue(owners.remove(rows(0, 10), 1));
        assertFalse(owners.remove(rows(0, 10), 1));
    }
}
