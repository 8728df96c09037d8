package io.pyrpc.transport;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * A TCP socket, non-blocking, with a selector of its own to wait by: a blocking channel knows no deadline, and one that
 * switches between the two pays for it with system calls.
 */
final class PlainStream implements Stream {
    /** A channel copies what is on the heap through memory of its own that is as large as what it is given at once. */
    private static final int SLICE_BYTES = 512 * 1024;
    private static final int MOST_PARTS = 16;

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;

    private PlainStream(SocketChannel channel, Selector selector) throws IOException {
        this.channel = channel;
        this.selector = selector;
        this.key = channel.register(selector, 0);
    }

    /** Connect to the first address of a host that answers. */
    static PlainStream connect(Endpoint endpoint, long deadline) throws IOException {
        IOException last = null;
        for (InetAddress address : InetAddress.getAllByName(endpoint.host())) {
            try {
                return connect(new InetSocketAddress(address, endpoint.port()), deadline);
            } catch (ClosedByInterruptException | SocketTimeoutException error) {
                throw error;
            } catch (IOException error) {
                last = error;
            }
        }
        throw last != null ? last : new IOException("the host has no address");
    }

    private static PlainStream connect(InetSocketAddress address, long deadline) throws IOException {
        SocketChannel channel = SocketChannel.open();
        PlainStream stream = null;
        try {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            stream = new PlainStream(channel, Selector.open());
            if (!channel.connect(address)) {
                do {
                    stream.waitFor(SelectionKey.OP_CONNECT, deadline);
                } while (!channel.finishConnect());
            }
            if (channel.getLocalAddress().equals(channel.getRemoteAddress())) {
                // Linux connects a free local port to itself now and then, when the kernel picks it as the source.
                throw new IOException("a connection to itself");
            }
            PlainStream made = stream;
            stream = null;
            return made;
        } catch (IOException | RuntimeException error) {
            channel.close();
            throw error;
        } finally {
            if (stream != null) {
                stream.close();
            }
        }
    }

    private void waitFor(int operation, long deadline) throws IOException {
        long left = nanosLeft(deadline);
        if (left <= 0) {
            throw new SocketTimeoutException("no time is left");
        }
        select(operation, left);
    }

    private boolean select(int operation, long nanos) throws IOException {
        if (key.interestOps() != operation) {
            key.interestOps(operation);
        }
        // Milliseconds, rounded up; 0 would be without end.
        long millis = nanos == Long.MAX_VALUE ? 0 : Math.max(1, (nanos + 999_999) / 1_000_000);
        int ready = selector.select(ignored -> {}, millis);
        if (Thread.currentThread().isInterrupted()) {
            throw new ClosedByInterruptException();
        }
        return ready > 0;
    }

    private static long nanosLeft(long deadline) {
        return deadline == Connection.NO_DEADLINE ? Long.MAX_VALUE : deadline - System.nanoTime();
    }

    @Override
    public void receive(ByteBuffer target, long deadline) throws IOException {
        while (true) {
            int got = channel.read(target);
            if (got < 0) {
                throw new EOFException("the peer closed the connection");
            }
            if (got > 0) {
                // A peer that drips never lets it wait.
                if (nanosLeft(deadline) < 0) {
                    throw new SocketTimeoutException("the bytes come too slowly");
                }
                return;
            }
            waitFor(SelectionKey.OP_READ, deadline);
        }
    }

    /** Some bytes that are there already: how many, -1 at the end of the stream. */
    int receiveNow(ByteBuffer target) throws IOException {
        return channel.read(target);
    }

    /** Send what the machine takes at once, if it is still possible. */
    void sendNow(ByteBuffer bytes) {
        try {
            channel.write(bytes);
        } catch (IOException ignored) {
            // It was a courtesy.
        }
    }

    @Override
    public void send(ByteBuffer[] parts, long deadline) throws IOException {
        for (int first = 0; (first = firstUnsent(parts, first)) < parts.length; ) {
            if (first == parts.length - 1 && parts[first].remaining() <= SLICE_BYTES) {
                // A small call: the least that can be done for it.
                if (channel.write(parts[first]) == 0) {
                    waitFor(SelectionKey.OP_WRITE, deadline);
                }
                continue;
            }
            long sent = channel.write(slices(parts, first));
            if (sent == 0) {
                waitFor(SelectionKey.OP_WRITE, deadline);
            }
            for (int i = first; sent > 0; i++) {
                int step = (int) Math.min(sent, parts[i].remaining());
                parts[i].position(parts[i].position() + step);
                sent -= step;
            }
        }
    }

    private static int firstUnsent(ByteBuffer[] parts, int from) {
        int first = from;
        while (first < parts.length && !parts[first].hasRemaining()) {
            first++;
        }
        return first;
    }

    private static ByteBuffer[] slices(ByteBuffer[] parts, int first) {
        List<ByteBuffer> slices = new ArrayList<>();
        int room = SLICE_BYTES;
        for (int i = first; i < parts.length && room > 0 && slices.size() < MOST_PARTS; i++) {
            ByteBuffer slice = parts[i].duplicate();
            slice.limit(slice.position() + Math.min(room, slice.remaining()));
            room -= slice.remaining();
            slices.add(slice);
        }
        return slices.toArray(ByteBuffer[]::new);
    }

    @Override
    public boolean await(long nanos) throws IOException {
        return nanos > 0 ? select(SelectionKey.OP_READ, nanos) : selectNow();
    }

    private boolean selectNow() throws IOException {
        key.interestOps(SelectionKey.OP_READ);
        return selector.selectNow(ignored -> {}) > 0;
    }

    @Override
    public boolean isAlive() {
        try {
            // The end of the stream, or bytes that no one asked for: of no use either way.
            return channel.read(ByteBuffer.allocate(1)) == 0;
        } catch (IOException error) {
            return false;
        }
    }

    @Override
    public void shut() {
        try {
            channel.shutdownInput();
            channel.shutdownOutput();
        } catch (IOException ignored) {
            // It is closed, or the peer was quicker.
        }
        selector.wakeup();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException ignored) {
            // There is nobody whom it would help.
        }
        try {
            selector.close();
        } catch (IOException ignored) {
            // The same.
        }
    }
}
