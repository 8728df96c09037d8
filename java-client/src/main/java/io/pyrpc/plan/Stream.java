package io.pyrpc.plan;

/** A source of rows that is not at its end yet. */
public sealed interface Stream extends Work permits StreamRows, StreamGrid {
    /** How many rows are known and were not taken. */
    long available();

    /**
     * The source has given more rows.
     *
     * @param rows how many
     * @param rowBytes about so many bytes each
     */
    void add(long rows, long rowBytes);

    /** The source is at its end. */
    void close();
}
