package io.pyrpc;

import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.TooLargeException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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

    /** Refuse offsets that do not begin at 0, fall, or end elsewhere than the text. */
    static void checkOffsets(ByteBuffer offsets, int textBytes) {
        long last = 0;
        for (int at = 0; at < offsets.limit(); at += 8) {
            long offset = offsets.getLong(at);
            if (offset < last || at == 0 && offset != 0) {
                throw new ArgumentException("the offsets of an array of texts are not in order");
            }
            last = offset;
        }
        if (last != textBytes) {
            throw new ArgumentException("the offsets of an array of texts do not end where the text does");
        }
    }

    /** Offsets from {@code first} on as such from 0. */
    static ByteBuffer rebased(ByteBuffer offsets, long first) {
        ByteBuffer fresh = ByteBuffer.allocate(offsets.limit()).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < offsets.limit(); at += 8) {
            fresh.putLong(at, offsets.getLong(at) - first);
        }
        return fresh;
    }

    /** UTF-32 of each text. */
    static byte[][] codePoints(String[] texts) {
        byte[][] items = new byte[texts.length][];
        for (int i = 0; i < items.length; i++) {
            // For its refusal of what is no text.
            utf8(texts[i]);
            items[i] = ArrayData.of(texts[i].codePoints().toArray()).array();
        }
        return items;
    }
}
