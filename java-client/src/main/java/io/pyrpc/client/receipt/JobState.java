package io.pyrpc.client.receipt;

import java.util.Locale;

/** What became of a job. */
public enum JobState {
    RUNNING,
    DONE,
    FAILED,
    CANCELLED;

    /** As receipts write it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    static JobState of(String text) {
        for (JobState state : values()) {
            if (state.text().equals(text)) {
                return state;
            }
        }
        return null;
    }
}
