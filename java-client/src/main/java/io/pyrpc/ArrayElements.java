package io.pyrpc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;

/** Single elements of the memory of an array, by their number in row-major order. */
final class ArrayElements {
    private ArrayElements() {}

    /** A number; {@code part} 1: the imaginary part of a complex one. */
    static double doubleAt(DType dtype, ByteBuffer bytes, int i, int part) {
        return switch (dtype.kind()) {
            case FLOAT16 -> HalfFloat.halfToFloat(bytes.getShort(2 * i));
            case BFLOAT16 -> HalfFloat.bfloatToFloat(bytes.getShort(2 * i));
            case FLOAT32 -> bytes.getFloat(4 * i);
            case FLOAT64 -> bytes.getDouble(8 * i);
            case COMPLEX64 -> bytes.getFloat(8 * i + 4 * part);
            case COMPLEX128 -> bytes.getDouble(16 * i + 8 * part);
            default -> longAt(dtype, bytes, i);
        };
    }

    /** A whole number; uint64 as its bits. */
    static long longAt(DType dtype, ByteBuffer bytes, int i) {
        return switch (dtype.kind()) {
            case BOOL, INT8 -> bytes.get(i);
            case UINT8 -> bytes.get(i) & 0xff;
            case INT16 -> bytes.getShort(2 * i);
            case UINT16 -> bytes.getShort(2 * i) & 0xffff;
            case INT32 -> bytes.getInt(4 * i);
            case UINT32 -> bytes.getInt(4 * i) & 0xffffffffL;
            default -> bytes.getLong(8 * i);
        };
    }

    /** A text; {@code text} is what the offsets of texts of any length point into. */
    static String textAt(DType dtype, ByteBuffer bytes, ByteBuffer text, int i) {
        if (dtype.kind() == DType.Kind.STRING) {
            long from = bytes.getLong(i * 8);
            byte[] raw = new byte[(int) (bytes.getLong(i * 8 + 8) - from)];
            text.get((int) from, raw);
            return new String(raw, StandardCharsets.UTF_8);
        }
        byte[] raw = new byte[dtype.itemsize()];
        bytes.get(i * raw.length, raw);
        return dtype.kind() == DType.Kind.BYTES
                ? new String(raw, 0, withoutPadding(raw, 1), StandardCharsets.ISO_8859_1)
                : codePoints(raw);
    }

    private static String codePoints(byte[] raw) {
        IntBuffer points = ByteBuffer.wrap(raw, 0, withoutPadding(raw, 4)).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        StringBuilder text = new StringBuilder();
        while (points.hasRemaining()) {
            text.appendCodePoint(points.get());
        }
        return text.toString();
    }

    /** Length without the zeros at the end, in whole elements of unit bytes. */
    private static int withoutPadding(byte[] raw, int unit) {
        int end = raw.length;
        while (end > 0 && raw[end - 1] == 0) {
            end--;
        }
        return (end + unit - 1) / unit * unit;
    }
}
