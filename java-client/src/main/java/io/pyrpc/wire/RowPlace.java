package io.pyrpc.wire;

import io.pyrpc.DType;
import io.pyrpc.NdArray;

/** Says where the arrays of a reply go, in the order they arrive. Asked in the thread that reads the reply. */
public interface RowPlace {
    /**
     * An array of just that dtype and shape to receive into, which nobody else writes to meanwhile; null: take other
     * memory. Not asked for texts of any length, nor for what tells its width or unit after its data.
     */
    NdArray place(DType dtype, long[] shape);
}
