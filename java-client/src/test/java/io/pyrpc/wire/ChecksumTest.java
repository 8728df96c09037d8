package io.pyrpc.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.ReplyChecksumException;
import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChecksumTest {
    /** Field and sum, and the ends of Tensor, Value, CallReply and result. */
    private static final int AFTER_DATA = 11 + 4;

    private static Object read(byte[] frame, boolean checksums) throws IOException {
        return new Codec(new BytesSource(frame, 1000), checksums).readCall("call", 7, null).value();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    @Test
    void aTensorWithItsChecksumIsWrittenAsInTheSpecification() {
        BinaryWriter w = new BinaryWriter();
        w.addsCrc32c = true;
        w.call("f", 0);
        new ValueWriter(w).value(NdArray.of(new float[] {1, 2, 3}, 1, 3));
        // Which writes itemsize and unit, if there are any, before data, and the checksum after it.
        assertTrue(hex(Messages.bytes(w.frame())).endsWith(hex(Messages.spec("checksum"))));
    }

    @Test
    void aCallAsksForChecksumsOnlyWhereTheyAreWanted() {
        for (boolean checksums : List.of(true, false)) {
            Codec codec = new Codec(new BytesSource(new byte[0], 1), checksums);
            codec.writeCall(CallRequest.of("f", List.of(), 1), 1);
            // Field 6 of CallOptions, a bool that is true, then the ends of options and arguments.
            assertEquals(checksums, hex(Messages.bytes(codec.frame())).endsWith("02000601" + "0000"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 12, 5000, 300_000})
    void anyBitOfDataThatFlipsIsFound(int length) throws IOException {
        byte[] data = new byte[length];
        Arrays.fill(data, (byte) 0x5a);
        NdArray array = NdArray.ofUnsigned(data, length);
        byte[] frame = Messages.reply(7, array, true);
        assertEquals(array, read(frame, true));
        assertEquals(array, read(frame, false));
        int first = frame.length - AFTER_DATA - length;
        for (int at = 0; at < length; at += Math.max(1, length / 50)) {
            frame[first + at] ^= 4;
            for (boolean checksums : List.of(true, false)) {
                ReplyChecksumException error =
                        assertThrows(ReplyChecksumException.class, () -> read(frame, checksums));
                assertEquals("the data of an array changed on its way", error.what());
            }
            frame[first + at] ^= 4;
        }
    }

    @Test
    void theSumIsLookedAtBeforeWhatTheDataMeans() {
        for (NdArray array : List.of(
                NdArray.of(new boolean[] {true, true}),
                NdArray.of(new String[] {"ab", "cd"}),
                NdArray.of(new String[] {"ab"}, 1, 1))) {
            byte[] frame = Messages.reply(7, array, true);
            frame[frame.length - AFTER_DATA - 1] ^= (byte) 0xff;
            assertThrows(ReplyChecksumException.class, () -> read(frame, true));
        }
    }

    @Test
    void anArrayWithoutTheSumThatWasAskedForIsRefused() {
        byte[] frame = Messages.reply(7, Map.of("a", List.of(NdArray.zeros(DType.INT8, 3))));
        ProtocolException error = assertThrows(ProtocolException.class, () -> read(frame, true));
        assertEquals("an array without the checksum that was asked for", error.what());
    }

    @Test
    void aConnectionWithAWrongSumIsOfNoUse() {
        byte[] frame = Messages.reply(7, NdArray.of(new double[] {1.5, 2.5}), true);
        frame[frame.length - AFTER_DATA - 1] ^= 1;
        Codec codec = new Codec(new BytesSource(frame, 1000), true);
        PyrpcException error = assertThrows(PyrpcException.class, () -> codec.readCall("call", 7, null));
        assertTrue(error.mayHaveRun());
        assertFalse(codec.isInOrder());
    }
}
