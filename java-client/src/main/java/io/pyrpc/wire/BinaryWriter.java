package io.pyrpc.wire;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.UnsupportedTypeException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects one frame at a time: small things in a buffer that is used again, large ones as parts of their own.
 *
 * <p>The first four bytes are the frame's length.
 */
final class BinaryWriter {
    private static final int FIRST_BYTES = 16 * 1024;
    // A buffer that one large message made grow is not kept for small ones.
    private static final int KEPT_BYTES = 1024 * 1024;

    private ByteBuffer buffer = ByteBuffer.allocateDirect(FIRST_BYTES);
    private final List<ByteBuffer> parts = new ArrayList<>();
    private final List<Integer> cuts = new ArrayList<>();
    private long partBytes;
    /** Whether each Tensor gets a checksum. */
    boolean addsCrc32c;

    /** Begin a frame with a call. */
    void call(String name, int seqid) {
        if (buffer.capacity() > KEPT_BYTES) {
            buffer = ByteBuffer.allocateDirect(FIRST_BYTES);
        }
        parts.clear();
        cuts.clear();
        partBytes = 0;
        buffer.clear().position(4);
        i32(Wire.VERSION_1 | Wire.CALL);
        string(name);
        i32(seqid);
    }

    /** Bytes of the message, without those that tell its length. */
    long size() {
        return buffer.position() - 4 + partBytes;
    }

    /** The frame, in order; large parts are views. Valid until the next one begins. */
    ByteBuffer[] frame() {
        buffer.putInt(0, (int) size());
        ByteBuffer[] frame = new ByteBuffer[2 * parts.size() + 1];
        int from = 0;
        for (int i = 0; i < parts.size(); i++) {
            frame[2 * i] = buffer.slice(from, cuts.get(i) - from);
            frame[2 * i + 1] = parts.get(i);
            from = cuts.get(i);
        }
        frame[2 * parts.size()] = buffer.slice(from, buffer.position() - from);
        return frame;
    }

    /** Let go of what was sent. */
    void clear() {
        parts.clear();
        cuts.clear();
        partBytes = 0;
    }

    private void room(int size) {
        if (buffer.remaining() < size) {
            long wanted = Math.max(2L * buffer.capacity(), (long) buffer.position() + size);
            ByteBuffer larger = ByteBuffer.allocateDirect((int) Math.min(wanted, Integer.MAX_VALUE - 8));
            buffer = larger.put(buffer.flip());
        }
    }

    void field(int kind, int id) {
        room(3);
        buffer.put((byte) kind).putShort((short) id);
    }

    void stop() {
        room(1);
        buffer.put((byte) 0);
    }

    void bool(boolean value) {
        room(1);
        buffer.put((byte) (value ? 1 : 0));
    }

    void i32(int value) {
        room(4);
        buffer.putInt(value);
    }

    void i64(long value) {
        room(8);
        buffer.putLong(value);
    }

    void f64(double value) {
        // Not putDouble: the payload of a NaN would be kept on most machines only.
        i64(Double.doubleToRawLongBits(value));
    }

    void list(int kind, int count) {
        room(5);
        buffer.put((byte) kind).putInt(count);
    }

    void map(int key, int kind, int count) {
        room(6);
        buffer.put((byte) key).put((byte) kind).putInt(count);
    }

    void string(String text) {
        byte[] raw = utf8(text);
        room(4 + raw.length);
        buffer.putInt(raw.length).put(raw);
    }

    /**
     * UTF-8 of a text.
     *
     * @throws UnsupportedTypeException it holds half a surrogate pair
     */
    static byte[] utf8(String text) {
        if (hasSurrogate(text)) {
            try {
                StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            } catch (CharacterCodingException error) {
                throw new UnsupportedTypeException(
                        "a text that is not valid Unicode cannot travel", Detail.NONE.withGot(error.getMessage()));
            }
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static boolean hasSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return true;
            }
        }
        return false;
    }

    /** Bytes without their length; large ones are not copied and must not change until the frame is sent. */
    void raw(ByteBuffer bytes) {
        if (bytes.remaining() <= Limits.SMALL_BYTES) {
            room(bytes.remaining());
            buffer.put(bytes.duplicate());
            return;
        }
        parts.add(bytes);
        cuts.add(buffer.position());
        partBytes += bytes.remaining();
    }
}
