package io.pyrpc.client;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.wire.RowPlace;

/** Hands out a gather's places, and keeps the time of the first: that is when a reply begins to arrive. */
final class Clocked implements RowPlace {
    private final RowPlace place;
    /** On the clock of plan; 0: nothing has arrived. */
    private double atS;

    /** A clock before places, of which there may be none (null). */
    Clocked(RowPlace place) {
        this.place = place;
    }

    double atS() {
        return atS;
    }

    @Override
    public NdArray place(DType dtype, long[] shape) {
        if (atS == 0) {
            atS = Clock.nowS();
        }
        return place == null ? null : place.place(dtype, shape);
    }
}
