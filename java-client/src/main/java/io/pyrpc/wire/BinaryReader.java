package io.pyrpc.wire;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.ProtocolException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads TBinaryProtocol (strict) from a Source; every length and count is checked before anything is made of it. */
final class BinaryReader {
    final Source source;
    private final ByteBuffer window;
    private int depth;
    private int items;
    // Of the last field, list or map.
    int fieldId;
    int keyKind;
    int itemKind;
    /** Whether an array without its checksum is refused; one that has it is always checked. */
    boolean needsCrc32c;

    BinaryReader(Source source) {
        this.source = source;
        this.window = source.window;
    }

    /** For another message. */
    void reset() {
        depth = 0;
        items = 0;
    }

    /** Wire type of the next field, whose id is then in {@code fieldId}; STOP ends the struct. */
    int field() throws IOException {
        source.need(1);
        int kind = window.get();
        fieldId = kind == Wire.STOP ? 0 : i16();
        return kind;
    }

    boolean bool() throws IOException {
        source.need(1);
        return window.get() != 0;
    }

    int i16() throws IOException {
        source.need(2);
        return window.getShort();
    }

    int i32() throws IOException {
        source.need(4);
        return window.getInt();
    }

    long i64() throws IOException {
        source.need(8);
        return window.getLong();
    }

    double f64() throws IOException {
        source.need(8);
        return window.getDouble();
    }

    /** Length of a string or binary. */
    int size() throws IOException {
        int size = i32();
        source.checkInside(size);
        return size;
    }

    byte[] bytes() throws IOException {
        return bytes(size());
    }

    private byte[] bytes(int size) throws IOException {
        byte[] bytes = new byte[size];
        if (size <= Limits.SMALL_BYTES) {
            source.need(size);
            window.get(bytes);
        } else {
            source.readInto(ByteBuffer.wrap(bytes));
        }
        return bytes;
    }

    String string() throws IOException {
        return text(bytes());
    }

    /** The name of a message. */
    String name() throws IOException {
        int size = size();
        if (size > Limits.METHOD_NAME_BYTES * 2) {
            throw new ProtocolException(
                    "a name is too long", Detail.mismatch("at most " + Limits.METHOD_NAME_BYTES * 2, size + " bytes"));
        }
        return text(bytes(size));
    }

    private static String text(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        // What is not UTF-8 becomes U+FFFD, so only a text that has some needs a closer look.
        if (text.indexOf('\uFFFD') >= 0) {
            try {
                StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            } catch (CharacterCodingException error) {
                throw new ProtocolException("a string is not UTF-8", Detail.NONE.withGot(error.getMessage()));
            }
        }
        return text;
    }

    /** Count of a list, the type of whose items is then in {@code itemKind}. */
    int list() throws IOException {
        source.need(5);
        itemKind = window.get();
        return checked(window.getInt());
    }

    /** Count of a map, whose types are then in {@code keyKind} and {@code itemKind}. */
    int map() throws IOException {
        source.need(6);
        keyKind = window.get();
        itemKind = window.get();
        return checked(window.getInt());
    }

    /** Refuse a container that is larger than allowed, or than its frame: every item takes a byte at least. */
    int checked(int count) {
        if (count < 0 || count > Limits.CONTAINER_ITEMS) {
            throw new ProtocolException(
                    "a container with too many items",
                    Detail.mismatch("0 to " + Limits.CONTAINER_ITEMS, Integer.toString(count)));
        }
        source.checkInside(count);
        items += count;
        if (items > Limits.MESSAGE_ITEMS) {
            throw new ProtocolException(
                    "a message with too many items",
                    Detail.NONE.withExpected("at most " + Limits.MESSAGE_ITEMS + " in all its containers"));
        }
        return count;
    }

    void enter() {
        depth++;
        if (depth > Limits.NESTING) {
            throw new ProtocolException(
                    "a value is nested too deep", Detail.NONE.withExpected("at most " + Limits.NESTING + " levels"));
        }
    }

    void leave() {
        depth--;
    }

    /** Read past a value that nobody knows. */
    void skip(int kind) throws IOException {
        switch (kind) {
            case Wire.BOOL, Wire.BYTE -> source.skip(1);
            case Wire.I16 -> source.skip(2);
            case Wire.I32 -> source.skip(4);
            case Wire.I64, Wire.DOUBLE -> source.skip(8);
            case Wire.STRING -> source.skip(size());
            default -> skipNested(kind);
        }
    }

    private void skipNested(int kind) throws IOException {
        enter();
        switch (kind) {
            case Wire.STRUCT -> {
                for (int inner = field(); inner != Wire.STOP; inner = field()) {
                    skip(inner);
                }
            }
            case Wire.LIST, Wire.SET -> {
                int count = list();
                skipAll(count, Wire.STOP, itemKind);
            }
            case Wire.MAP -> {
                int count = map();
                skipAll(count, keyKind, itemKind);
            }
            default -> throw new ProtocolException("an unknown wire type", Detail.NONE.withGot(kind + ""));
        }
        leave();
    }

    private void skipAll(int count, int key, int item) throws IOException {
        for (int i = 0; i < count; i++) {
            if (key != Wire.STOP) {
                skip(key);
            }
            skip(item);
        }
    }
}
