package io.pyrpc.client;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.stage.Spec;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * What rows of arrays are: they can stand in one array if theirs are equal.
 *
 * @param dtype with the unit of times, without widths of text, which may differ from block to block
 * @param shape of a row
 */
record RowKind(String dtype, List<Long> shape) {
    static RowKind of(NdArray array) {
        return of(array.dtype(), array.shape());
    }

    /** Of an array with rows. */
    static RowKind of(DType dtype, long[] shape) {
        return new RowKind(
                Spec.dtypeName(dtype),
                LongStream.of(Arrays.copyOfRange(shape, 1, shape.length)).boxed().toList());
    }

    /** Whether each element takes the same bytes in all blocks: not so for text and bytes. */
    static boolean isPlain(DType dtype) {
        return switch (dtype.kind()) {
            case BYTES, UNICODE, STRING -> false;
            default -> true;
        };
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(dtype).append("[n");
        shape.forEach(size -> text.append(',').append(size));
        return text.append(']').toString();
    }
}
