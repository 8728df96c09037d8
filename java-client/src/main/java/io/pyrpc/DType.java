package io.pyrpc;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import java.util.Objects;

/**
 * What one element of an {@link NdArray} is. Immutable; two are equal when they mean the same.
 *
 * <p>Most need no more than their kind and are constants. Times carry a unit, bytes and text of fixed width the bytes
 * of one element.
 */
public final class DType {
    /** The kinds of elements; their numbers are the wire's. */
    public enum Kind {
        BOOL(1, "bool", 1),
        INT8(2, "int8", 1),
        INT16(3, "int16", 2),
        INT32(4, "int32", 4),
        INT64(5, "int64", 8),
        UINT8(6, "uint8", 1),
        UINT16(7, "uint16", 2),
        UINT32(8, "uint32", 4),
        UINT64(9, "uint64", 8),
        FLOAT16(10, "float16", 2),
        BFLOAT16(11, "bfloat16", 2),
        FLOAT32(12, "float32", 4),
        FLOAT64(13, "float64", 8),
        COMPLEX64(14, "complex64", 8),
        COMPLEX128(15, "complex128", 16),
        DATETIME64(16, "datetime64", 8),
        TIMEDELTA64(17, "timedelta64", 8),
        BYTES(18, "bytes", 0),
        UNICODE(19, "str", 0),
        STRING(20, "string", 0);

        private static final Kind[] ALL = values();

        private final int number;
        private final String text;
        private final int itemsize;

        Kind(int number, String text, int itemsize) {
            this.number = number;
            this.text = text;
            this.itemsize = itemsize;
        }

        /** The number on the wire. */
        public int number() {
            return number;
        }

        /** The kind with a number of the wire, or null. */
        public static Kind of(int number) {
            return number >= 1 && number <= ALL.length ? ALL[number - 1] : null;
        }
    }

    public static final DType BOOL = new DType(Kind.BOOL);
    public static final DType INT8 = new DType(Kind.INT8);
    public static final DType INT16 = new DType(Kind.INT16);
    public static final DType INT32 = new DType(Kind.INT32);
    public static final DType INT64 = new DType(Kind.INT64);
    public static final DType UINT8 = new DType(Kind.UINT8);
    public static final DType UINT16 = new DType(Kind.UINT16);
    public static final DType UINT32 = new DType(Kind.UINT32);
    public static final DType UINT64 = new DType(Kind.UINT64);
    public static final DType FLOAT16 = new DType(Kind.FLOAT16);
    public static final DType BFLOAT16 = new DType(Kind.BFLOAT16);
    public static final DType FLOAT32 = new DType(Kind.FLOAT32);
    public static final DType FLOAT64 = new DType(Kind.FLOAT64);
    public static final DType COMPLEX64 = new DType(Kind.COMPLEX64);
    public static final DType COMPLEX128 = new DType(Kind.COMPLEX128);
    /** UTF-8 texts of any length. */
    public static final DType STRING = new DType(Kind.STRING);

    private static final DType[] PLAIN = {
        BOOL, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT16, BFLOAT16, FLOAT32, FLOAT64, COMPLEX64,
        COMPLEX128
    };
    private static final String UNITS = "Y, M, W, D, h, m, s, ms, us, ns, ps, fs, as";

    private final Kind kind;
    private final int itemsize;
    private final String unit;

    private DType(Kind kind) {
        this(kind, kind.itemsize, null);
    }

    private DType(Kind kind, int itemsize, String unit) {
        this.kind = kind;
        this.itemsize = itemsize;
        this.unit = unit;
    }

    /**
     * The constant of a kind that needs no more to be known.
     *
     * @throws ArgumentException for times, bytes and text of fixed width
     */
    public static DType of(Kind kind) {
        if (kind == Kind.STRING) {
            return STRING;
        }
        if (kind.ordinal() >= PLAIN.length) {
            throw new ArgumentException(
                    "a dtype of this kind needs its unit or size",
                    Detail.NONE.withGot(kind.text).withHelp("DType.datetime64(\"ns\"), DType.bytes(8) ..."));
        }
        return PLAIN[kind.ordinal()];
    }

    /**
     * A moment: a count of {@code unit} since 1970-01-01T00:00, as int64; the lowest int64 is "not a time".
     *
     * @param unit "ns", "us", "D" ..., also several of them ("25s"), or "generic"
     * @throws ArgumentException for another unit
     */
    public static DType datetime64(String unit) {
        return new DType(Kind.DATETIME64, Kind.DATETIME64.itemsize, checkedUnit(unit));
    }

    /** A duration: a count of {@code unit}; otherwise as {@link #datetime64}. */
    public static DType timedelta64(String unit) {
        return new DType(Kind.TIMEDELTA64, Kind.TIMEDELTA64.itemsize, checkedUnit(unit));
    }

    /** Bytes of a fixed width, padded with zero bytes. */
    public static DType bytes(int width) {
        if (width < 0) {
            throw new ArgumentException("a width below 0", Detail.NONE.withGot(Integer.toString(width)));
        }
        return new DType(Kind.BYTES, width, null);
    }

    /** Text of a fixed number of code points, padded with zeros. */
    public static DType unicode(int codePoints) {
        if (codePoints < 0 || codePoints > Integer.MAX_VALUE / 4) {
            throw new ArgumentException(
                    "a width that makes no sense", Detail.NONE.withGot(Integer.toString(codePoints)));
        }
        return new DType(Kind.UNICODE, codePoints * 4, null);
    }

    /** Whether a time's unit is one that travels. */
    public static boolean isUnit(String unit) {
        if (unit.equals("generic")) {
            return true;
        }
        int digits = 0;
        while (digits < unit.length() && unit.charAt(digits) >= '0' && unit.charAt(digits) <= '9') {
            digits++;
        }
        if (unit.length() > 16 || !(", " + UNITS + ",").contains(", " + unit.substring(digits) + ",")) {
            return false;
        }
        if (digits == 0) {
            return true;
        }
        long count = digits > 15 ? Long.MAX_VALUE : Long.parseLong(unit.substring(0, digits));
        return count >= 1 && count <= Integer.MAX_VALUE;
    }

    private static String checkedUnit(String unit) {
        if (!isUnit(unit)) {
            throw new ArgumentException(
                    "an unknown unit of time",
                    Detail.mismatch("one of " + UNITS + ", with a count before it if it is several, or generic", unit));
        }
        // NumPy writes one second as "s".
        return unit.startsWith("1") && unit.length() > 1 && !Character.isDigit(unit.charAt(1))
                ? unit.substring(1)
                : unit;
    }

    public Kind kind() {
        return kind;
    }

    /** Bytes of one element; 0 for {@link #STRING}, whose elements are of any length. */
    public int itemsize() {
        return itemsize;
    }

    /** What a time counts, or null for what is no time. */
    public String unit() {
        return unit;
    }

    /** Whether an element is a number: not text, bytes or a time; bool is none either. */
    public boolean isNumber() {
        return kind.ordinal() > Kind.BOOL.ordinal() && kind.ordinal() <= Kind.COMPLEX128.ordinal();
    }

    /** NumPy's name: "float32", "datetime64[ns]"; "S3" and "U2" for bytes and text of fixed width, "string". */
    @Override
    public String toString() {
        return switch (kind) {
            case DATETIME64, TIMEDELTA64 -> unit.equals("generic") ? kind.text : kind.text + "[" + unit + "]";
            case BYTES -> "S" + itemsize;
            case UNICODE -> "U" + itemsize / 4;
            default -> kind.text;
        };
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof DType that
                && kind == that.kind
                && itemsize == that.itemsize
                && Objects.equals(unit, that.unit);
    }

    @Override
    public int hashCode() {
        return Objects.hash(kind, itemsize, unit);
    }
}
