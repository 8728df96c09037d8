package io.pyrpc;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/** The rows of several arrays after each other. */
final class Concat {
    private Concat() {}

    static NdArray of(List<NdArray> arrays) {
        if (arrays.isEmpty()) {
            throw new ArgumentException("nothing to put together");
        }
        long[] shape = arrays.get(0).shape();
        shape[0] = arrays.stream().mapToLong(NdArray::rowCount).reduce(0, Math::addExact);
        DType dtype = commonDtype(arrays, shape);
        return NdArray.wrap(dtype, shape, dtype == DType.STRING ? texts(arrays) : rows(arrays, dtype));
    }

    private static DType commonDtype(List<NdArray> arrays, long[] shape) {
        DType dtype = arrays.get(0).dtype();
        for (NdArray array : arrays) {
            long[] other = array.shape();
            boolean isAlike = other.length == shape.length
                    && Arrays.equals(other, 1, other.length, shape, 1, shape.length)
                    && array.dtype().kind() == dtype.kind();
            if (isAlike && isFixedText(dtype)) {
                dtype = array.dtype().itemsize() > dtype.itemsize() ? array.dtype() : dtype;
            } else if (!isAlike || !array.dtype().equals(dtype)) {
                throw new ArgumentException(
                        "arrays that do not go together",
                        Detail.mismatch(shown(arrays.get(0)), shown(array)));
            }
        }
        return dtype;
    }

    private static boolean isFixedText(DType dtype) {
        return dtype.kind() == DType.Kind.BYTES || dtype.kind() == DType.Kind.UNICODE;
    }

    private static String shown(NdArray array) {
        return array.dtype() + " " + ArrayShape.text(array.shape());
    }

    private static ByteBuffer rows(List<NdArray> arrays, DType dtype) {
        long bytes = 0;
        for (NdArray array : arrays) {
            bytes += Math.multiplyExact(array.size(), (long) dtype.itemsize());
        }
        ByteBuffer target = ByteBuffer.allocate(ArrayStrings.checkedSize(bytes));
        for (NdArray array : arrays) {
            int width = array.dtype().itemsize();
            if (width == dtype.itemsize()) {
                array.encoded().forEach(target::put);
                Reference.reachabilityFence(array);
                continue;
            }
            ByteBuffer source = array.encoded().get(0);
            for (int i = 0; i < array.size(); i++) {
                target.put(target.position(), source, i * width, width);
                target.position(target.position() + dtype.itemsize());
            }
            Reference.reachabilityFence(array);
        }
        return target.flip();
    }

    private static ByteBuffer texts(List<NdArray> arrays) {
        long bytes = 8;
        for (NdArray array : arrays) {
            bytes += array.byteSize() - 8;
        }
        ByteBuffer target = ByteBuffer.allocate(ArrayStrings.checkedSize(bytes)).order(ByteOrder.LITTLE_ENDIAN);
        long first = 0;
        target.putLong(0);
        for (NdArray array : arrays) {
            ByteBuffer offsets = array.encoded().get(0).order(ByteOrder.LITTLE_ENDIAN);
            for (int at = 8; at < offsets.limit(); at += 8) {
                target.putLong(first + offsets.getLong(at));
            }
            first += offsets.getLong(offsets.limit() - 8);
        }
        for (NdArray array : arrays) {
            target.put(array.encoded().get(1));
            Reference.reachabilityFence(array);
        }
        return target.flip();
    }
}
