package io.pyrpc.wire;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.ReplyChecksumException;
import io.pyrpc.errors.TooLargeException;
import io.pyrpc.gen.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * NdArray &lt;-&gt; Tensor.
 *
 * <p>What goes out is a header and a view of the array's own memory. What comes in is read into memory of its own,
 * large ones straight from the socket; a slice of the frame is never handed out, since it would pin the frame.
 */
final class Tensors {
    private static final int DTYPE = Tensor._Fields.DTYPE.getThriftFieldId();
    private static final int SHAPE = Tensor._Fields.SHAPE.getThriftFieldId();
    private static final int DATA = Tensor._Fields.DATA.getThriftFieldId();
    private static final int ITEMSIZE = Tensor._Fields.ITEMSIZE.getThriftFieldId();
    private static final int UNIT = Tensor._Fields.UNIT.getThriftFieldId();
    private static final int CRC32C = Tensor._Fields.CRC32C.getThriftFieldId();

    private Tensors() {}

    // -- out

    /** Append the struct; itemsize and unit go before data, so that the receiver can take memory at once. */
    static void write(BinaryWriter w, NdArray array) {
        DType dtype = array.dtype();
        long[] shape = array.shape();
        if (shape.length > Limits.NDIM) {
            throw new TooLargeException(
                    "an array has too many dims", Detail.mismatch("at most " + Limits.NDIM, shape.length + ""));
        }
        w.field(Wire.I32, DTYPE);
        w.i32(dtype.kind().number());
        w.field(Wire.LIST, SHAPE);
        w.list(Wire.I64, shape.length);
        for (long length : shape) {
            w.i64(length);
        }
        if (dtype.kind() == DType.Kind.BYTES || dtype.kind() == DType.Kind.UNICODE) {
            w.field(Wire.I32, ITEMSIZE);
            w.i32(dtype.itemsize());
        }
        if (dtype.unit() != null) {
            w.field(Wire.STRING, UNIT);
            w.string(dtype.unit());
        }
        w.field(Wire.STRING, DATA);
        List<ByteBuffer> parts = array.encoded();
        w.i32((int) array.byteSize());
        parts.forEach(w::raw);
        if (w.addsCrc32c) {
            w.field(Wire.I64, CRC32C);
            w.i64(crc32c(parts));
        }
        w.stop();
    }

    /** Of all bytes, in order; their positions stay. */
    private static long crc32c(List<ByteBuffer> parts) {
        CRC32C sum = new CRC32C();
        parts.forEach(part -> sum.update(part.duplicate()));
        return sum.getValue();
    }

    // -- in

    /** What came of the struct so far. */
    private static final class Fields {
        int number;
        long[] shape;
        int itemsize = -1;
        String unit;
        ReceivePool.Lent lent;
        ByteBuffer raw;
        NdArray array;
        /** Negative: none came. */
        long crc32c = -1;
    }

    /**
     * Read the struct.
     *
     * @throws ProtocolException dtype, shape and length do not fit together
     * @throws ReplyChecksumException the data is not what was sent
     */
    static NdArray read(BinaryReader r, RowPlace place) throws IOException {
        Fields fields = new Fields();
        for (int kind = r.field(); kind != Wire.STOP; kind = r.field()) {
            int id = r.fieldId;
            if (id == DTYPE && kind == Wire.I32) {
                fields.number = r.i32();
            } else if (id == SHAPE && kind == Wire.LIST) {
                fields.shape = readShape(r);
            } else if (id == DATA && kind == Wire.STRING) {
                readData(r, fields, place);
            } else if (id == ITEMSIZE && kind == Wire.I32) {
                fields.itemsize = r.i32();
            } else if (id == UNIT && kind == Wire.STRING) {
                fields.unit = r.string();
            } else if (id == CRC32C && kind == Wire.I64) {
                fields.crc32c = r.i64();
            } else {
                r.skip(kind);
            }
        }
        if (fields.crc32c >= 0 || r.needsCrc32c) {
            checkSum(fields);
        }
        if (fields.array == null) {
            return finish(fields);
        }
        checkElements(fields.array.dtype(), fields.raw);
        return fields.array;
    }

    /** Compare the data as it lies in memory now with what its sender counted, before it is looked at otherwise. */
    private static void checkSum(Fields fields) {
        if (fields.crc32c < 0) {
            throw new ProtocolException(
                    "an array without the checksum that was asked for",
                    Detail.NONE.withHelp(
                            "the node is of a version that does not know checksums: use a newer one, or no checksums"));
        }
        if (fields.raw == null) {
            return;
        }
        long found = crc32c(List.of(fields.raw));
        if (found != fields.crc32c) {
            throw new ReplyChecksumException(
                    "the data of an array changed on its way",
                    Detail.mismatch("CRC32C 0x%08x".formatted(fields.crc32c), "0x%08x".formatted(found)).withHelp(
                            "something between the two ends changes bytes,"
                                    + " or the sender's array changed while it was sent"));
        }
    }

    private static long[] readShape(BinaryReader r) throws IOException {
        int rank = r.list();
        if (rank > 0 && r.itemKind != Wire.I64) {
            throw new ProtocolException("a Tensor's shape is no list<i64>", got("wire type " + r.itemKind));
        }
        if (rank > Limits.NDIM) {
            throw new ProtocolException(
                    "a Tensor has too many dims", Detail.mismatch("at most " + Limits.NDIM, rank + ""));
        }
        long[] shape = new long[rank];
        for (int i = 0; i < rank; i++) {
            shape[i] = r.i64();
            if (shape[i] < 0) {
                throw new ProtocolException("a Tensor has a negative dim", got(Long.toString(shape[i])));
            }
        }
        return shape;
    }

    private static void readData(BinaryReader r, Fields fields, RowPlace place) throws IOException {
        int size = r.size();
        DType dtype = fields.shape == null ? null : dtypeSoFar(fields);
        if (dtype != null) {
            fields.array = placeOf(dtype, fields.shape, size, place);
            fields.raw = fields.array.encoded().get(0);
            r.source.readInto(fields.raw.duplicate());
            return;
        }
        // Text of any length, or from a stock writer, which tells unit and itemsize last.
        fields.lent = ReceivePool.SHARED.lend(size);
        fields.raw = fields.lent == null ? ByteBuffer.allocate(size) : fields.lent.buffer(size);
        r.source.readInto(fields.raw.duplicate());
    }

    /** The dtype, if what was read so far tells it; null: not yet, or never: text of any length. */
    private static DType dtypeSoFar(Fields fields) {
        DType.Kind kind = DType.Kind.of(fields.number);
        if (kind == null) {
            return null;
        }
        return switch (kind) {
            case DATETIME64, TIMEDELTA64 -> fields.unit == null ? null : timeDtype(kind, fields.unit);
            case BYTES, UNICODE -> fields.itemsize == -1 ? null : fixedDtype(kind, fields.itemsize);
            case STRING -> null;
            default -> DType.of(kind);
        };
    }

    private static DType timeDtype(DType.Kind kind, String unit) {
        if (!DType.isUnit(unit)) {
            throw new ProtocolException(
                    "an unknown unit of time", Detail.mismatch("ns, us, ms, s, m, h, D ...", "'" + unit + "'"));
        }
        return kind == DType.Kind.DATETIME64 ? DType.datetime64(unit) : DType.timedelta64(unit);
    }

    private static DType fixedDtype(DType.Kind kind, int itemsize) {
        if (itemsize < 0 || kind == DType.Kind.UNICODE && itemsize % 4 != 0) {
            throw new ProtocolException("a Tensor's itemsize makes no sense", got(itemsize + ""));
        }
        return kind == DType.Kind.BYTES ? DType.bytes(itemsize) : DType.unicode(itemsize / 4);
    }

    /** Memory for the data, which is yet to be read. */
    private static NdArray placeOf(DType dtype, long[] shape, int size, RowPlace place) {
        checkLength(dtype, shape, size);
        NdArray array = place == null ? null : place.place(dtype, shape.clone());
        if (array == null) {
            array = ReceivePool.SHARED.take(dtype, shape, size);
        } else if (!array.dtype().equals(dtype) || !Arrays.equals(array.shape(), shape)) {
            throw new IllegalStateException("the place of an array has another dtype or shape than the array");
        }
        return array;
    }

    /** Refuse a length that is not product(shape) x itemsize, the product taken without overflow. */
    private static void checkLength(DType dtype, long[] shape, int size) {
        long count = count(shape);
        boolean isFit = dtype.itemsize() == 0
                ? size == 0
                : count <= Limits.HARD_FRAME_BYTES && count * dtype.itemsize() == size;
        if (!isFit) {
            throw new ProtocolException(
                    "a Tensor's length does not fit its shape and dtype",
                    Detail.mismatch(Arrays.toString(shape) + " x " + dtype.itemsize() + " bytes", size + " bytes"));
        }
        // No bytes bound their number, so a few of the header could make a caller's loop run for ever.
        if (dtype.itemsize() == 0 && count > Limits.HARD_FRAME_BYTES) {
            throw new ProtocolException(
                    "a Tensor of too many elements without bytes", got("shape " + Arrays.toString(shape)));
        }
    }

    /** product(shape); {@code Long.MAX_VALUE} if it is more than that. */
    private static long count(long[] shape) {
        long count = 1;
        for (long length : shape) {
            if (length == 0) {
                return 0;
            }
        }
        for (long length : shape) {
            count = count > Long.MAX_VALUE / length ? Long.MAX_VALUE : count * length;
        }
        return count;
    }

    /** Refuse a bool that is neither 0 nor 1, and text past the end of Unicode. */
    private static void checkElements(DType dtype, ByteBuffer memory) {
        if (dtype == DType.BOOL) {
            byte all = 0;
            for (int i = 0; i < memory.limit(); i++) {
                all |= memory.get(i);
            }
            if ((all & ~1) != 0) {
                throw new ProtocolException("a bool array holds bytes other than 0 and 1");
            }
        } else if (dtype.kind() == DType.Kind.UNICODE) {
            ByteBuffer points = memory.duplicate().order(ByteOrder.LITTLE_ENDIAN);
            for (int at = 0; at < points.limit(); at += 4) {
                if (!Character.isValidCodePoint(points.getInt(at))) {
                    throw new ProtocolException("a unicode array holds numbers that are no code points");
                }
            }
        }
    }

    /** Make the array of bytes that came before what they mean. */
    private static NdArray finish(Fields fields) {
        DType.Kind kind = DType.Kind.of(fields.number);
        if (fields.number == 0 || fields.shape == null || fields.raw == null) {
            throw new ProtocolException("a Tensor without dtype, shape or data");
        }
        if (kind == null) {
            throw new ProtocolException(
                    "an unknown dtype", Detail.mismatch("1 to 20, see DType in the IDL", fields.number + ""));
        }
        int size = fields.raw.limit();
        if (kind == DType.Kind.STRING) {
            Strings.check(fields.raw, count(fields.shape));
            return NdArray.wrap(DType.STRING, fields.shape, fields.raw, fields.lent);
        }
        DType dtype = dtypeSoFar(fields);
        if (dtype == null) {
            throw new ProtocolException(
                    fields.unit == null && DType.Kind.BYTES != kind && DType.Kind.UNICODE != kind
                            ? "a Tensor of times without its unit"
                            : "a Tensor of bytes or text without its itemsize");
        }
        checkLength(dtype, fields.shape, size);
        checkElements(dtype, fields.raw);
        return NdArray.wrap(dtype, fields.shape, fields.raw, fields.lent);
    }

    private static Detail got(String text) {
        return Detail.NONE.withGot(text);
    }
}
