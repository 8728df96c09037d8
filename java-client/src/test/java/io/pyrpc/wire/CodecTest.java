package io.pyrpc.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.LoadReport;
import io.pyrpc.NdArray;
import io.pyrpc.errors.AuthException;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.InternalException;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.errors.TooLargeException;
import io.pyrpc.errors.UnknownMethodException;
import io.pyrpc.errors.UnsupportedTypeException;
import io.pyrpc.gen.ErrorCode;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodecTest {
    private static Object read(byte[] frame, int step) throws IOException {
        return new Codec(new BytesSource(frame, step), false).readCall("call", 7, null).value();
    }

    private static Object roundTrip(Object value) {
        try {
            return read(Messages.reply(7, value), Integer.MAX_VALUE);
        } catch (IOException error) {
            throw new AssertionError(error);
        }
    }

    @Test
    void callIsWrittenAsInTheSpecification() {
        Codec codec = new Codec(new BytesSource(new byte[0], 1), false);
        NdArray array = NdArray.of(new float[] {1, 2, 3}, 1, 3);
        codec.writeCall(
                new CallRequest("Math.add", List.of(1, array), Map.of("scale", 0.5), null, 1, 0, null, 5000, Map.of()),
                7);
        assertArrayEquals(Messages.spec("call"), Messages.bytes(codec.frame()));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 1 << 20})
    void replyOfTheSpecificationIsReadHoweverItArrives(int step) throws IOException {
        Codec codec = new Codec(new BytesSource(Messages.spec("reply"), step), false);
        CallReply reply = codec.readCall("call", 7, null);
        assertEquals(NdArray.of(new float[] {1, 2, 3}, 1, 3), reply.value());
        assertEquals(new LoadReport(0, 1, 0, 250, null, null), reply.load());
        assertTrue(codec.isInOrder());
    }

    @Test
    void errorsOfTheSpecificationAreRead() {
        Codec codec = new Codec(new BytesSource(Messages.spec("error"), 5), false);
        PyrpcException error =
                assertThrows(UnknownMethodException.class, () -> codec.readCall("call", 7, null));
        assertEquals("no method f", error.what());
        assertEquals("did you mean g?", error.help());
        assertTrue(codec.isInOrder());
        Codec other = new Codec(new BytesSource(Messages.spec("exception"), 5), false);
        assertThrows(UnknownMethodException.class, () -> other.readCall("stop", 9, null));
        assertTrue(other.isInOrder());
    }

    @Test
    void everyArrayComesBackBitForBit() throws IOException {
        for (NdArray array : SampleArrays.samples()) {
            for (int step : new int[] {1, 13, 1 << 20}) {
                assertEquals(array, read(Messages.reply(7, array), step));
            }
        }
    }

    @Test
    void valuesComeBack() {
        List<Object> values = Arrays.asList(
                null, true, 5L, Double.longBitsToDouble(0x7ff0000000000001L), "é\uD83D\uDE00\0", List.of(), Map.of());
        assertEquals(values, roundTrip(values));
        assertEquals(new Ref("r"), roundTrip(new Ref("r")));
        assertEquals(NdArray.of(new int[] {1}), roundTrip(new int[] {1}));
        assertEquals(NdArray.of(new String[] {"x"}), roundTrip(new String[] {"x"}));
        assertArrayEquals(new byte[20_000], (byte[]) roundTrip(new byte[20_000]));
        Map<String, Object> inOrder = new java.util.LinkedHashMap<>();
        inOrder.put("z", 1L);
        inOrder.put("a", 2L);
        assertEquals(List.of("z", "a"), List.copyOf(((Map<?, ?>) roundTrip(inOrder)).keySet()).stream().toList());
    }

    @Test
    void whatCannotTravelIsRefusedAndNamed() {
        for (Object value : List.of(new Object(), BigInteger.TEN, 'c', "\uD800", Map.of(1, 2), new String[] {null})) {
            UnsupportedTypeException error =
                    assertThrows(UnsupportedTypeException.class, () -> roundTrip(List.of(List.of(), value)));
            assertTrue(error.getMessage().contains("[1]"), error.getMessage());
        }
        assertThrows(TooLargeException.class, () -> roundTrip(Collections.nCopies(4097, 1)));
        assertEquals(4096, ((List<?>) roundTrip(Collections.nCopies(4096, 1))).size());
        long[] manyDims = new long[33];
        Arrays.fill(manyDims, 1);
        assertThrows(TooLargeException.class, () -> roundTrip(NdArray.of(new int[] {1}, manyDims)));
    }

    @Test
    void listsNestSixtyFourDeepAndNoDeeper() {
        assertInstanceOf(List.class, roundTrip(nested(64)));
        assertThrows(TooLargeException.class, () -> roundTrip(nested(65)));
        // Written by hand: the writer refuses it.
        BinaryWriter w = new BinaryWriter();
        w.call("call", 7);
        w.field(Wire.STRUCT, 0);
        w.field(Wire.STRUCT, 1);
        for (int i = 0; i < 65; i++) {
            w.field(Wire.LIST, Values.LIST);
            w.list(Wire.STRUCT, 1);
        }
        byte[] frame = Messages.bytes(w.frame());
        frame[7] = Wire.REPLY;
        assertThrows(ProtocolException.class, () -> read(frame, 100));
    }

    private static Object nested(int depth) {
        Object value = 1L;
        for (int i = 0; i < depth; i++) {
            value = List.of(value);
        }
        return value;
    }

    @Test
    void largePartsAreViewsAndSmallOnesAreCopied() {
        Codec codec = new Codec(new BytesSource(new byte[0], 1), false);
        NdArray large = NdArray.of(new float[100_000]);
        codec.writeCall(CallRequest.of("f", List.of(large, NdArray.of(new int[10])), 1), 1);
        ByteBuffer[] frame = codec.frame();
        assertEquals(3, frame.length);
        large.asFloatBuffer().put(0, 7f);
        assertEquals(7f, frame[1].order(java.nio.ByteOrder.LITTLE_ENDIAN).getFloat(0));
        assertEquals(codec.size() + 4, Messages.bytes(frame).length);
    }

    @Test
    void placeIsAskedAndFilled() throws IOException {
        NdArray target = NdArray.of(new float[6], 2, 3);
        Codec codec = new Codec(new BytesSource(Messages.spec("reply"), 9), false);
        Object value = codec.readCall("call", 7, (dtype, shape) -> target.rows(1, 2)).value();
        assertArrayEquals(new float[] {0, 0, 0, 1, 2, 3}, target.toFloatArray());
        assertTrue(target.sharesMemory((NdArray) value));
    }

    @Test
    void anotherReplyIsRefused() {
        byte[] frame = Messages.reply(7, 1L);
        for (int seqid : new int[] {6, 8}) {
            Codec codec = new Codec(new BytesSource(frame, 50), false);
            assertThrows(ProtocolException.class, () -> codec.readCall("call", seqid, null));
            assertFalse(codec.isInOrder());
        }
        assertThrows(
                ProtocolException.class, () -> new Codec(new BytesSource(frame, 50), false).readCall("run", 7, null));
    }

    @Test
    void everyCodeHasItsException() {
        Map<ErrorCode, String> found = new HashMap<>();
        for (ErrorCode code : ErrorCode.values()) {
            PyrpcException error = Status.exception(code.getValue(), "text", io.pyrpc.errors.Detail.NONE);
            found.put(code, error.getClass().getSimpleName());
            assertEquals("text", error.what());
        }
        assertEquals("DrainingException", found.get(ErrorCode.DRAINING));
        assertEquals("ProtocolException", found.get(ErrorCode.MALFORMED));
        AuthException denied = (AuthException) Status.exception(8, "", io.pyrpc.errors.Detail.NONE);
        assertTrue(denied.isDenied());
        PyrpcException unknown = Status.exception(99, "text", io.pyrpc.errors.Detail.NONE);
        assertInstanceOf(InternalException.class, unknown);
        assertTrue(unknown.what().contains("99"));
    }

    @Test
    void thriftsOwnExceptionsMeanWhatTheSpecificationSays() {
        assertRefusal(UnknownMethodException.class, "call", 7, 1, true);
        assertRefusal(ProtocolException.class, "call", 7, 7, true);
        assertRefusal(TlsException.class, "call", 7, 10, false);
        assertRefusal(TlsException.class, "", 0, 10, false);
        assertRefusal(DrainingException.class, "", 0, 11, false);
        assertRefusal(ProtocolException.class, "", 0, 7, false);
    }

    private static void assertRefusal(
            Class<? extends PyrpcException> expected, String name, int seqid, int type, boolean isInOrder) {
        Codec codec = new Codec(new BytesSource(Messages.exception(name, seqid, type), 64), false);
        PyrpcException error = assertThrows(PyrpcException.class, () -> codec.readCall("call", 7, null));
        assertSame(expected, error.getClass());
        assertEquals(isInOrder, codec.isInOrder());
    }

    @Test
    void tokensAreNotShown() {
        CallRequest request = new CallRequest("f", List.of(), Map.of(), null, 1, 0, "secret", -1, Map.of());
        assertFalse(request.toString().contains("secret"));
    }

    @Test
    void namesOfFieldsAreThoseOfTheInterface() {
        List<Integer> members = new ArrayList<>();
        for (var field : io.pyrpc.gen.Value._Fields.values()) {
            members.add((int) field.getThriftFieldId());
        }
        assertEquals(
                members,
                List.of(
                        Values.NULL, Values.BOOL, Values.INT, Values.DOUBLE, Values.STRING, Values.BINARY,
                        Values.TENSOR, Values.LIST, Values.MAP, Values.REF));
        for (io.pyrpc.gen.DType dtype : io.pyrpc.gen.DType.values()) {
            assertEquals(dtype.name(), io.pyrpc.DType.Kind.of(dtype.getValue()).name());
        }
        assertEquals(io.pyrpc.gen.DType.values().length, io.pyrpc.DType.Kind.values().length);
    }
}
