package io.pyrpc;

import java.util.Locale;

/** Arrays as text, much as NumPy shows them; over 1000 elements only the ends of each dim. */
final class ArrayText {
    private static final int SHOWN_WHOLE = 1000;
    private static final int EDGE = 3;

    private final NdArray array;
    private final long[] shape;
    private final boolean isSummary;
    private final StringBuilder text = new StringBuilder();
    private int width;

    private ArrayText(NdArray array) {
        this.array = array;
        this.shape = array.shape();
        this.isSummary = array.size() > SHOWN_WHOLE;
    }

    /** {@code array([[1.0, 2.0]], dtype=float32)}. */
    static String of(NdArray array) {
        ArrayText shown = new ArrayText(array);
        shown.text.append("array(");
        if (array.size() == 0) {
            shown.text.append("[]");
        } else {
            shown.measure(0, 0);
            shown.append(0, 0);
        }
        if (shown.isSummary || array.size() == 0 && shown.shape.length > 1) {
            shown.text.append(", shape=").append(ArrayShape.text(shown.shape));
        }
        return shown.text.append(", dtype=").append(array.dtype()).append(')').toString();
    }

    private boolean isLeftOut(int axis, long index) {
        return isSummary && shape[axis] > 2 * EDGE && index >= EDGE && index < shape[axis] - EDGE;
    }

    /** The widest element that is shown: columns stand below each other. */
    private void measure(int axis, long flat) {
        if (axis == shape.length) {
            // Texts are not lined up.
            boolean isText = array.dtype().kind().ordinal() >= DType.Kind.BYTES.ordinal();
            width = isText ? 0 : Math.max(width, element(flat).length());
            return;
        }
        for (long i = 0; i < shape[axis]; i++) {
            if (isLeftOut(axis, i)) {
                i = shape[axis] - EDGE - 1;
            } else {
                measure(axis + 1, flat * shape[axis] + i);
            }
        }
    }

    private void append(int axis, long flat) {
        if (axis == shape.length) {
            String element = element(flat);
            text.append(" ".repeat(shape.length == 0 ? 0 : Math.max(0, width - element.length()))).append(element);
            return;
        }
        String between = axis == shape.length - 1
                ? ", "
                : "," + "\n".repeat(shape.length - 1 - axis) + " ".repeat("array(".length() + axis + 1);
        text.append('[');
        for (long i = 0; i < shape[axis]; i++) {
            if (i > 0) {
                text.append(between);
            }
            if (isLeftOut(axis, i)) {
                text.append("...");
                i = shape[axis] - EDGE - 1;
            } else {
                append(axis + 1, flat * shape[axis] + i);
            }
        }
        text.append(']');
    }

    private String element(long flat) {
        return switch (array.dtype().kind()) {
            case BOOL -> array.longAt(flat) != 0 ? "true" : "false";
            case UINT64 -> Long.toUnsignedString(array.longAt(flat));
            case FLOAT16, BFLOAT16, FLOAT32 -> Float.toString((float) array.doubleAt(flat, 0));
            case FLOAT64 -> Double.toString(array.doubleAt(flat, 0));
            case COMPLEX64, COMPLEX128 -> complex(array.doubleAt(flat, 0), array.doubleAt(flat, 1));
            case DATETIME64, TIMEDELTA64 -> array.longAt(flat) == Long.MIN_VALUE
                    ? "NaT"
                    : Long.toString(array.longAt(flat));
            case BYTES -> "b" + quoted(array.textAt(flat));
            case UNICODE, STRING -> quoted(array.textAt(flat));
            default -> Long.toString(array.longAt(flat));
        };
    }

    private static String complex(double real, double imaginary) {
        boolean isNegative = imaginary < 0 || 1 / imaginary < 0;
        return real + (isNegative ? "-" : "+") + Math.abs(imaginary) + "j";
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("'");
        text.codePoints().forEach(c -> {
            if (c == '\'' || c == '\\') {
                quoted.append('\\').append((char) c);
            } else if (c < 0x20 || c == 0x7f) {
                quoted.append(String.format(Locale.ROOT, "\\x%02x", c));
            } else {
                quoted.appendCodePoint(c);
            }
        });
        return quoted.append('\'').toString();
    }
}
