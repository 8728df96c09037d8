package io.pyrpc.wire;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Bytes for tests: those of the specification, and replies as a node would send them. */
public final class Messages {
    private Messages() {}

    /** An example of thrift/SPEC.md by its name. */
    static byte[] spec(String name) {
        Path top = Path.of("").toAbsolutePath();
        while (!Files.exists(top.resolve("thrift/SPEC.md"))) {
            top = top.getParent();
        }
        try {
            String page = Files.readString(top.resolve("thrift/SPEC.md"));
            Matcher block = Pattern.compile("```(?:hex|bytes) " + name + "\n(.*?)```", Pattern.DOTALL).matcher(page);
            if (!block.find()) {
                throw new IllegalArgumentException("SPEC.md has no example " + name);
            }
            return HexFormat.of().parseHex(block.group(1).replaceAll("#.*", "").replaceAll("\\s", ""));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The frame of a reply to call number seqid. */
    public static byte[] reply(int seqid, Object value) {
        return reply(seqid, value, false);
    }

    /** The same, with or without checksums. */
    static byte[] reply(int seqid, Object value, boolean checksums) {
        BinaryWriter w = new BinaryWriter();
        w.addsCrc32c = checksums;
        w.call("call", seqid);
        w.field(Wire.STRUCT, 0);
        w.field(Wire.STRUCT, 1);
        new ValueWriter(w).value(value);
        w.stop();
        w.stop();
        byte[] bytes = bytes(w.frame());
        // The type of the message.
        bytes[7] = Wire.REPLY;
        return bytes;
    }

    /** The frame of one of Thrift's own exceptions. */
    public static byte[] exception(String name, int seqid, int type) {
        BinaryWriter w = new BinaryWriter();
        w.call(name, seqid);
        w.field(Wire.STRING, 1);
        w.string("text");
        w.field(Wire.I32, 2);
        w.i32(type);
        w.stop();
        byte[] bytes = bytes(w.frame());
        bytes[7] = Wire.EXCEPTION;
        return bytes;
    }

    static byte[] bytes(ByteBuffer... parts) {
        int size = 0;
        for (ByteBuffer part : parts) {
            size += part.remaining();
        }
        ByteBuffer all = ByteBuffer.allocate(size);
        for (ByteBuffer part : parts) {
            all.put(part.duplicate());
        }
        return all.array();
    }

    /** The same message with another length of its frame: what is there. */
    static byte[] withLength(byte[] frame) {
        ByteBuffer.wrap(frame).putInt(0, frame.length - 4);
        return frame;
    }
}
