package io.pyrpc.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.PyrpcException;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever arrives, it is read, or refused by a typed error, and takes no more memory than its frame allows. */
class MalformedTest {
    // Heap that one refused message may take beside its own size: errors with their stack traces.
    private static final long MOST_EXTRA_BYTES = 256 * 1024;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static List<byte[]> frames() {
        List<byte[]> frames = new ArrayList<>(List.of(
                Messages.spec("reply"),
                Messages.spec("error"),
                Messages.exception("call", 7, 1),
                Messages.reply(
                        7,
                        Arrays.asList(null, true, 1L, 2.5, "text", new byte[] {1}, Map.of("k", new Ref("r"))))));
        SampleArrays.samples().stream()
                .filter(array -> array.byteSize() < 1000)
                .forEach(array -> frames.add(Messages.reply(7, array)));
        return frames;
    }

    /** Read it; what it was refused by, or null. Anything but a typed error fails the test. */
    private static PyrpcException refusal(byte[] frame) {
        BytesSource source = new BytesSource(frame, 1 << 16);
        Codec codec = new Codec(source, false);
        long before = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId());
        long held = ReceivePool.SHARED.heldBytes();
        try {
            codec.readCall("call", 7, null);
            return null;
        } catch (PyrpcException error) {
            return error;
        } catch (EOFException error) {
            return new ProtocolException("the stream ended");
        } catch (IOException error) {
            throw new AssertionError(error);
        } finally {
            long took = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
            assertTrue(took < MOST_EXTRA_BYTES + 64L * frame.length, took + " bytes for " + frame.length);
            assertTrue(ReceivePool.SHARED.heldBytes() <= held + frame.length);
        }
    }

    @Test
    void messageCutOffAnywhereIsRefused() {
        for (byte[] frame : frames()) {
            for (int end = 5; end < frame.length; end++) {
                byte[] cut = Messages.withLength(Arrays.copyOf(frame, end));
                assertTrue(refusal(cut) instanceof ProtocolException, "cut to " + end + " bytes");
            }
        }
    }

    @Test
    void streamThatEndsInsideAFrameIsTheEndOfTheStream() {
        for (byte[] frame : frames()) {
            for (int end = 0; end < frame.length; end += 3) {
                Codec codec = new Codec(new BytesSource(Arrays.copyOf(frame, end), 7), false);
                assertThrows(EOFException.class, () -> codec.readCall("call", 7, null));
            }
        }
    }

    @Test
    void bytesAfterTheMessageAreRefused() {
        for (byte[] frame : frames()) {
            byte[] longer = Messages.withLength(Arrays.copyOf(frame, frame.length + 1));
            assertTrue(refusal(longer) instanceof ProtocolException);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void changedBytesAreReadOrRefused(long seed) {
        Random random = new Random(seed);
        int refused = 0;
        for (byte[] frame : frames()) {
            for (int round = 0; round < 150; round++) {
                byte[] changed = frame.clone();
                for (int i = random.nextInt(3); i >= 0; i--) {
                    changed[4 + random.nextInt(changed.length - 4)] = (byte) random.nextInt(256);
                }
                refused += refusal(changed) == null ? 0 : 1;
            }
        }
        assertTrue(refused > 500, "seed " + seed + ": " + refused + " refused");
    }

    @Test
    void everyByteAsEveryExtremeIsReadOrRefused() {
        for (byte[] frame : frames()) {
            for (int at = 4; at < frame.length; at++) {
                for (int value : new int[] {0, 1, 0x7f, 0x80, 0xff}) {
                    byte[] changed = frame.clone();
                    changed[at] = (byte) value;
                    refusal(changed);
                }
            }
        }
    }

    @Test
    void whatIsNoFrameIsRefusedAndShown() {
        List<String> foreign =
                List.of("HTTP/1.1 400 Bad", "\u0016\u0003\u0001\0\u00f8\u0001\0\0\u00f4\u0003", "\0\0\0\0");
        for (String text : foreign) {
            byte[] bytes = text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
            PyrpcException error = refusal(bytes);
            assertEquals("what arrived is not a Thrift frame", error.what());
            assertTrue(error.help() != null && error.got() != null);
        }
    }

    // -- tensors

    /** A reply of one Tensor with whatever fields. */
    private static byte[] tensor(int dtype, Integer itemsize, String unit, boolean isLate, byte[] data, long... shape) {
        BinaryWriter w = new BinaryWriter();
        w.call("call", 7);
        w.field(Wire.STRUCT, 0);
        w.field(Wire.STRUCT, 1);
        w.field(Wire.STRUCT, Values.TENSOR);
        w.field(Wire.I32, 1);
        w.i32(dtype);
        w.field(Wire.LIST, 2);
        w.list(Wire.I64, shape.length);
        for (long length : shape) {
            w.i64(length);
        }
        if (isLate) {
            data(w, data);
        }
        if (itemsize != null) {
            w.field(Wire.I32, 4);
            w.i32(itemsize);
        }
        if (unit != null) {
            w.field(Wire.STRING, 5);
            w.string(unit);
        }
        if (!isLate) {
            data(w, data);
        }
        for (int i = 0; i < 4; i++) {
            w.stop();
        }
        byte[] frame = Messages.bytes(w.frame());
        frame[7] = Wire.REPLY;
        return frame;
    }

    private static void data(BinaryWriter w, byte[] data) {
        w.field(Wire.STRING, 3);
        w.i32(data.length);
        w.raw(ByteBuffer.wrap(data));
    }

    private static void assertBadTensor(
            String text, int dtype, Integer itemsize, String unit, byte[] data, long... shape) {
        for (boolean isLate : new boolean[] {false, true}) {
            PyrpcException error = refusal(tensor(dtype, itemsize, unit, isLate, data, shape));
            assertTrue(error instanceof ProtocolException && error.what().contains(text), () -> text + ": " + error);
        }
    }

    @Test
    void tensorsThatMakeNoSenseAreRefused() {
        byte[] four = new byte[4];
        assertBadTensor("length does not fit", 12, null, null, four, 2);
        assertBadTensor("length does not fit", 12, null, null, new byte[0], 1L << 32, 1L << 32);
        assertBadTensor("length does not fit", 12, null, null, four, 1L << 62, 4);
        assertBadTensor("length does not fit", 12, null, null, new byte[0], 1L << 63 - 1, 1L << 63 - 1, 3);
        assertBadTensor("negative", 12, null, null, four, -1, -1);
        assertBadTensor("dims", 12, null, null, four, new long[33]);
        assertBadTensor("other than 0 and 1", 1, null, null, new byte[] {0, 2}, 2);
        assertBadTensor("unknown dtype", 21, null, null, four, 1);
        assertBadTensor("unknown dtype", -1, null, null, four, 1);
        assertBadTensor("without its unit", 16, null, null, new byte[8], 1);
        assertBadTensor("unknown unit", 16, null, "fortnight", new byte[8], 1);
        assertBadTensor("unknown unit", 16, null, "0s", new byte[8], 1);
        assertBadTensor("unknown unit", 17, null, "99999999999s", new byte[8], 1);
        assertBadTensor("itemsize", 18, null, null, four, 1);
        assertBadTensor("itemsize", 18, -1, null, four, 1);
        assertBadTensor("itemsize", 19, 3, null, new byte[3], 1);
        assertBadTensor("no code points", 19, 4, null, new byte[] {0, 0, 0x11, 0}, 1);
        assertBadTensor("no code points", 19, 4, null, new byte[] {0, 0, 0, -1}, 1);
        assertBadTensor("elements without bytes", 18, 0, null, new byte[0], 1L << 31);
    }

    @Test
    void fieldsOfATensorMayComeInAnyOrder() {
        assertEquals(null, refusal(tensor(16, null, "25s", true, new byte[8], 1)));
        assertEquals(null, refusal(tensor(18, 0, null, true, new byte[0], 3)));
        assertEquals(null, refusal(tensor(19, 8, null, true, new byte[16], 2)));
    }

    private static byte[] texts(String hexText, long... offsets) {
        byte[] text = java.util.HexFormat.of().parseHex(hexText);
        ByteBuffer data = ByteBuffer.allocate(8 * offsets.length + text.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long offset : offsets) {
            data.putLong(offset);
        }
        return data.put(text).array();
    }

    @Test
    void textsThatMakeNoSenseAreRefused() {
        assertEquals(null, refusal(tensor(20, null, null, false, texts("61c3a9", 0, 1, 1, 3), 3)));
        assertBadTensor("too short", 20, null, null, new byte[8], 1);
        assertBadTensor("too short", 20, null, null, new byte[8], 1L << 40);
        assertBadTensor("too short", 20, null, null, new byte[8], Long.MAX_VALUE);
        assertBadTensor("not in order", 20, null, null, texts("61", 1, 1), 1);
        assertBadTensor("not in order", 20, null, null, texts("6161", 0, 2, 1, 2), 3);
        assertBadTensor("not in order", 20, null, null, texts("61", 0, 0), 1);
        assertBadTensor("not in order", 20, null, null, texts("61", 0, 2), 1);
        assertBadTensor("not in order", 20, null, null, texts("61", 0, Long.MIN_VALUE, 1), 2);
        assertBadTensor("not UTF-8", 20, null, null, texts("c3a9", 0, 1, 2), 2);
        assertBadTensor("not UTF-8", 20, null, null, texts("ff", 0, 1), 1);
        assertBadTensor("not UTF-8", 20, null, null, texts("eda080", 0, 3), 1);
        assertBadTensor("not UTF-8", 20, null, null, texts("c3", 0, 1), 1);
    }

    @Test
    void wrongPlaceIsAFaultOfOursAndIsNotWrittenTo() {
        NdArray place = NdArray.zeros(DType.FLOAT32, 4);
        Codec codec = new Codec(new BytesSource(Messages.spec("reply"), 100), false);
        assertThrows(IllegalStateException.class, () -> codec.readCall("call", 7, (dtype, shape) -> place));
        assertEquals(NdArray.zeros(DType.FLOAT32, 4), place);
    }
}
