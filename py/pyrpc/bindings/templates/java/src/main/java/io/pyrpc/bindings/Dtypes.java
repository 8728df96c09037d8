// Which array of Java a dtype is.
package io.pyrpc.bindings;

import io.pyrpc.bindings.gen.DType;
import io.pyrpc.bindings.gen.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Which array of Java a dtype is, and the memory of its elements. */
final class Dtypes {
    private Dtypes() {}

    /** Bytes of one element. */
    static int width(DType dtype) {
        return switch (dtype) {
            case BOOL, INT8, UINT8 -> 1;
            case INT16, UINT16, FLOAT16, BFLOAT16 -> 2;
            case INT32, UINT32, FLOAT32 -> 4;
            case INT64, UINT64, FLOAT64, COMPLEX64, DATETIME64, TIMEDELTA64 -> 8;
            case COMPLEX128 -> 16;
            case BYTES, UNICODE, STRING ->
                throw new IllegalArgumentException("elements of " + dtype + " have no width of their own; take strings()");
        };
    }

    private static Class<?> type(DType dtype) {
        return switch (dtype) {
            case BOOL -> boolean.class;
            case INT8, UINT8 -> byte.class;
            case INT16, UINT16, FLOAT16, BFLOAT16 -> short.class;
            case INT32, UINT32 -> int.class;
            case INT64, UINT64, DATETIME64, TIMEDELTA64 -> long.class;
            case FLOAT32, COMPLEX64 -> float.class;
            case FLOAT64, COMPLEX128 -> double.class;
            case BYTES, UNICODE, STRING -> String.class;
        };
    }

    /** Refuses a dtype that is not an array of these. */
    static void check(DType dtype, Class<?> type) {
        if (type(dtype) != type) {
            throw new IllegalArgumentException(
                    dtype + " is a " + type(dtype).getSimpleName() + "[], and not a " + type.getSimpleName() + "[]");
        }
    }

    /** Refuses a tensor that lacks something, as one of a node with another interface may. */
    static void check(Tensor tensor) {
        if (tensor.getDtype() == null || tensor.getShape() == null || tensor.data == null) {
            throw new IllegalArgumentException("a tensor has dtype, shape and data; this one has not all: dtype "
                    + tensor.getDtype() + ", shape " + tensor.getShape());
        }
    }

    /** Memory for so many elements of an array of Java, little endian. */
    static ByteBuffer allocated(DType dtype, Class<?> type, int length) {
        check(dtype, type);
        // A complex number is two elements.
        boolean isPair = dtype == DType.COMPLEX64 || dtype == DType.COMPLEX128;
        long bytes = (long) length * width(dtype) / (isPair ? 2 : 1);
        return ByteBuffer.allocate(size(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A number of bytes that memory can have. */
    static int size(long bytes) {
        if (bytes > ConnectionConfig.MAX_FRAME_BYTES) {
            throw new IllegalArgumentException(
                    bytes + " bytes are more than fit in a call: " + ConnectionConfig.MAX_FRAME_BYTES);
        }
        return (int) bytes;
    }

    /** A tensor with this memory, which the generated setters would copy. */
    static Tensor tensor(DType dtype, long[] shape, ByteBuffer data) {
        Tensor tensor = new Tensor();
        tensor.setDtype(dtype);
        List<Long> dims = new ArrayList<>(shape.length);
        for (long dim : shape) {
            dims.add(dim);
        }
        tensor.setShape(dims);
        tensor.data = data;
        return tensor;
    }

    /** The memory of a tensor that is an array of these. */
    static ByteBuffer checked(Tensor tensor, Class<?> type) {
        check(tensor);
        check(tensor.getDtype(), type);
        return elements(tensor, width(tensor.getDtype()));
    }

    /** The memory of a tensor whose elements have so many bytes; it has exactly those of the shape. */
    static ByteBuffer elements(Tensor tensor, int width) {
        long[] shape = tensor.getShape().stream().mapToLong(Long::longValue).toArray();
        ByteBuffer data = tensor.data.slice().order(ByteOrder.LITTLE_ENDIAN);
        long count = Shapes.count(shape);
        int bytes = data.remaining();
        // Divided, since a product may be more than a long.
        boolean fits = width > 0 ? bytes % width == 0 && bytes / width == count : width == 0 && bytes == 0;
        if (!fits) {
            throw new IllegalArgumentException("the shape " + tensor.getShape() + " has " + count + " elements of "
                    + width + " bytes, and there are " + bytes + " bytes");
        }
        return data;
    }
}
