package io.pyrpc.wire;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.ProtocolException;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A window onto a stream of frames: parse while the bytes arrive, never past the end of a frame.
 *
 * <p>The window holds what was read ahead; large data goes past it, straight into the memory it is meant for. Where the
 * bytes come from is in a subclass. Invariants: {@code window.position() <= stop <= end}; {@code [position, stop)} are
 * bytes of the current frame; {@code left} bytes of it have not been received; {@code stop < end} only when {@code left
 * == 0}: the window then holds part of the next frame. The window's limit is its capacity.
 */
public abstract class Source {
    // As the length of a frame, a TLS record that is an alert or a hello is at least this.
    private static final int TLS_SIZES = 0x15030000;
    private static final int SHOWN_BYTES = 16;

    final ByteBuffer window = ByteBuffer.allocateDirect(Limits.READ_AHEAD_BYTES);
    private int stop;
    private int end;
    private int left;
    private long received;

    /**
     * Put at least one byte into target, whose position moves on.
     *
     * @throws java.io.EOFException at the end of the stream
     */
    protected abstract void receive(ByteBuffer target) throws IOException;

    /** Bytes that came. */
    public final long received() {
        return received;
    }

    /** Whether bytes are here that were not parsed. */
    public final boolean hasBytes() {
        return window.position() != end;
    }

    /** Bytes of the current frame that are still to be read. */
    public final int unread() {
        return stop - window.position() + left;
    }

    // -- frames

    /**
     * Read the length of the next frame and open it.
     *
     * @throws ProtocolException the four bytes are no length
     */
    public final void nextFrame() throws IOException {
        if (unread() != 0) {
            throw new ProtocolException("the frame before this one was not read to its end");
        }
        if (end - window.position() < 4) {
            readAhead(4);
        }
        int at = window.position();
        int size = window.getInt(at);
        if (size <= 0 || size > Limits.HARD_FRAME_BYTES || size >= TLS_SIZES && isTls(at)) {
            throw notThrift(at);
        }
        window.position(at + 4);
        int available = end - at - 4;
        stop = at + 4 + Math.min(available, size);
        left = Math.max(0, size - available);
    }

    private boolean isTls(int at) {
        int shown = Math.min(end - at, 10);
        boolean isHello = shown > 9 && window.get(at) == 0x16 && window.get(at + 5) == 1 && window.get(at + 9) == 3;
        boolean isAlert = shown > 4 && window.get(at) == 0x15 && window.get(at + 3) == 0 && window.get(at + 4) == 2;
        return window.get(at + 1) == 3 && (isHello || isAlert);
    }

    private ProtocolException notThrift(int at) {
        byte[] shown = new byte[Math.min(SHOWN_BYTES, end - at)];
        window.get(at, shown);
        return new ProtocolException(
                "what arrived is not a Thrift frame",
                Detail.mismatch("a frame: four bytes of length (big endian), then a message", Shown.of(shown))
                        .withHelp("check that both ends speak framed Thrift and that the port"
                                + " is that of a pyrpc node"));
    }

    private void readAhead(int size) throws IOException {
        if (!hasBytes()) {
            window.position(0);
            stop = 0;
            end = 0;
        } else if (window.capacity() - window.position() < size) {
            compact();
        }
        while (end - window.position() < size) {
            end += receiveInto(end);
        }
        stop = window.position();
    }

    /** Receive into the window from an offset on; how much came. */
    private int receiveInto(int from) throws IOException {
        ByteBuffer target = window.slice(from, window.capacity() - from);
        receive(target);
        received += target.position();
        return target.position();
    }

    // -- bytes inside a frame

    /** Have the next bytes of the frame in the window, at its position. */
    final void need(int size) throws IOException {
        if (stop - window.position() < size) {
            more(size);
        }
    }

    private void more(int size) throws IOException {
        if (size > unread()) {
            throw pastEnd(size);
        }
        if (window.capacity() - window.position() < size) {
            compact();
        }
        while (stop - window.position() < size) {
            int got = receiveInto(end);
            int inside = Math.min(got, left);
            end += got;
            stop += inside;
            left -= inside;
        }
    }

    private void compact() {
        int from = window.position();
        ByteBuffer held = window.slice(from, end - from);
        window.position(0);
        window.put(held);
        stop -= from;
        end -= from;
        window.position(0);
    }

    /** Check a length of the message against what is left of the frame. */
    final void checkInside(int size) {
        if (size < 0 || size > unread()) {
            throw pastEnd(size);
        }
    }

    private ProtocolException pastEnd(int size) {
        return new ProtocolException(
                "a field runs past the end of its frame", Detail.mismatch("at most " + unread() + " bytes", size + ""));
    }

    /** Fill target with the next bytes of the frame: the window's first, then straight from below. */
    final void readInto(ByteBuffer target) throws IOException {
        int size = target.remaining();
        checkInside(size);
        if (!target.isDirect()) {
            readThroughWindow(target);
            return;
        }
        fromWindow(target, size);
        int last = target.limit();
        while (target.position() < last) {
            int from = target.position();
            target.limit(Math.min(last, from + Limits.RECEIVE_BYTES));
            receive(target);
            target.limit(last);
            left -= target.position() - from;
            received += target.position() - from;
        }
    }

    private void fromWindow(ByteBuffer target, int size) {
        int inside = Math.min(size, stop - window.position());
        target.put(target.position(), window, window.position(), inside);
        target.position(target.position() + inside);
        window.position(window.position() + inside);
        if (inside < size) {
            // All of the window was of this frame.
            window.position(0);
            stop = 0;
            end = 0;
        }
    }

    /** A channel would copy what is not direct through memory of its own, as large as the target. */
    private void readThroughWindow(ByteBuffer target) throws IOException {
        while (target.hasRemaining()) {
            need(1);
            fromWindow(target, Math.min(target.remaining(), stop - window.position()));
        }
    }

    final void skip(int size) throws IOException {
        for (int rest = size; rest > 0; ) {
            need(1);
            int step = Math.min(rest, stop - window.position());
            window.position(window.position() + step);
            rest -= step;
        }
    }
}
