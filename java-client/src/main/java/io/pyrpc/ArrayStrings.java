package io.pyrpc;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.TooLargeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Texts as the bytes that an array holds: offsets and UTF-8, or a fixed width. */
final class ArrayStrings {
    private ArrayStrings() {}

    /** count + 1 offsets, then the bytes that they point into. */
    static ByteBuffer encode(String[] texts) {
        byte[][] encoded = new byte[texts.length][];
        long size = 8L * (texts.length + 1);
        for (int i = 0; i < texts.length; i++) {
            if (texts[i] == null) {
                throw new ArgumentException(
                        "a text array has no missing values",
                        Detail.NONE.withGot("null at " + i).withHelp("use \"\", and a boolean array beside it"));
            }
            encoded[i] = utf8(texts[i]);
            size += encoded[i].length;
        }
        ByteBuffer data = ByteBuffer.allocate(checkedSize(size)).order(ByteOrder.LITTLE_ENDIAN);
        long offset = 0;
        data.putLong(0);
        for (byte[] text : encoded) {
            offset += text.length;
            data.putLong(offset);
        }
        for (byte[] text : encoded) {
            data.put(text);
        }
        return data.flip().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** UTF-8 of a text. */
    static byte[] utf8(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        // What is no text becomes question marks, so only a text that has some can hold a lone surrogate.
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
                continue;
            }
            throw new ArgumentException(
                    "a text with half a surrogate pair", Detail.NONE.withGot("U+%04X at %d".formatted((int) c, i)));
        }
        return bytes;
    }

    /** Whether the bytes of a buffer, from its position on, are UTF-8. */
    static boolean isUtf8(ByteBuffer bytes) {
        try {
            decodeStrictly(bytes);
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    static CharBuffer decodeStrictly(ByteBuffer bytes) throws CharacterCodingException {
        return StandardCharsets.UTF_8.newDecoder().decode(bytes);
    }

    /** Elements of a fixed width in bytes, padded with zeros. */
    static ByteBuffer encodeFixed(byte[][] items, int width) {
        ByteBuffer data = ByteBuffer.allocate(checkedSize((long) items.length * width));
        for (int i = 0; i < items.length; i++) {
            data.put(i * width, items[i]);
        }
        return data;
    }

    static int checkedSize(long bytes) {
        if (bytes > Integer.MAX_VALUE) {
            throw new TooLargeException(
                    "an array over 2 GiB",
                    Detail.mismatch("at most " + Integer.MAX_VALUE + " bytes", bytes + " bytes")
                            .withHelp("map it in parts: NdArray.rows gives views"));
        }
        return (int) bytes;
    }
}
