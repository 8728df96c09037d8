package io.pyrpc.wire;

import java.io.EOFException;
import java.nio.ByteBuffer;

/** Frames that are already in memory, handed out in steps of a size. */
final class BytesSource extends Source {
    private final ByteBuffer bytes;
    private final int step;

    BytesSource(byte[] bytes, int step) {
        this.bytes = ByteBuffer.wrap(bytes);
        this.step = step;
    }

    @Override
    protected void receive(ByteBuffer target) throws EOFException {
        if (!bytes.hasRemaining()) {
            throw new EOFException("the bytes are over");
        }
        int size = Math.min(Math.min(step, target.remaining()), bytes.remaining());
        target.put(bytes.slice(bytes.position(), size));
        bytes.position(bytes.position() + size);
    }
}
