package io.pyrpc.client.receipt;

import java.util.Locale;

/** How an attempt at a chunk ended. */
public enum Outcome {
    /** Its result is part of the job's. */
    OK,
    /** Another attempt was first. */
    LATE,
    /** It was broken off, since nobody waited for it any more. */
    CANCELLED,
    FAILED,
    /** Not over yet. */
    RUNNING;

    /** As receipts write it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Outcome of(String text) {
        for (Outcome outcome : values()) {
            if (outcome.text().equals(text)) {
                return outcome;
            }
        }
        return null;
    }
}
