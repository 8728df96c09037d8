package io.pyrpc.wire;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** Whether the data of a Tensor of texts is what it should be. */
final class Strings {
    private Strings() {}

    /**
     * Check offsets and UTF-8.
     *
     * @throws ProtocolException they are not in order, or a text is not UTF-8 by itself
     */
    static void check(ByteBuffer data, long count) {
        long head = count >= Integer.MAX_VALUE / 8 ? Long.MAX_VALUE : 8 * (count + 1);
        if (head > data.limit()) {
            throw new ProtocolException(
                    "a text Tensor is too short for its offsets",
                    Detail.mismatch(head + " bytes", Integer.toString(data.limit())));
        }
        ByteBuffer offsets = data.slice(0, (int) head).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer text = data.slice((int) head, data.limit() - (int) head);
        long last = 0;
        for (int at = 0; at < offsets.limit(); at += 8) {
            long offset = offsets.getLong(at);
            if (at == 0 && offset != 0 || offset < last || offset > text.limit()) {
                throw notInOrder();
            }
            last = offset;
            // A text that begins inside a character: the one before is cut off there.
            if (offset < text.limit() && (text.get((int) offset) & 0xc0) == 0x80) {
                throw notUtf8("a character that belongs to two texts, at byte " + offset);
            }
        }
        if (last != text.limit()) {
            throw notInOrder();
        }
        checkUtf8(text);
    }

    private static void checkUtf8(ByteBuffer text) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        CharBuffer some = CharBuffer.allocate(4096);
        while (true) {
            CoderResult result = decoder.decode(text, some, true);
            if (result.isUnderflow()) {
                return;
            }
            if (result.isError()) {
                throw notUtf8("byte " + text.position());
            }
            some.clear();
        }
    }

    private static ProtocolException notInOrder() {
        return new ProtocolException("a text Tensor's offsets are not in order");
    }

    private static ProtocolException notUtf8(String where) {
        return new ProtocolException("a text Tensor is not UTF-8", Detail.NONE.withGot(where));
    }
}
