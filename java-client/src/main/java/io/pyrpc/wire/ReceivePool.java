package io.pyrpc.wire;

import io.pyrpc.ArrayMemory;
import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.TooLargeException;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Memory for arrays that arrive: warm direct buffers where they can be had. Thread-safe.
 *
 * <p>Fresh memory is dear: the machine clears it, page by page, which takes longer than to receive it. So the memory of
 * an array that was closed, or that the garbage collector found dropped, is used again. If somebody took a buffer of a
 * dropped array it is not: nobody can know whether that buffer is still used.
 *
 * <p>The pool never has more than {@code maxBytes}, lent or not. What goes beyond is on the heap, which costs a copy,
 * and which the garbage collector looks after when programs close nothing.
 */
public final class ReceivePool {
    /** 256 MiB, or what the environment's PYRPC_RECEIVE_POOL_BYTES says; at most a quarter of what Java may take. */
    public static final ReceivePool SHARED = new ReceivePool(defaultBytes());

    /** Below this a heap array costs less. */
    static final int POOLED_BYTES = 256 * 1024;
    /**
     * A page. What comes is in pages of the kernel, and the headers before an array are about 60 bytes: in memory that
     * is 64 bytes into a page, each of them would go to the first bytes of one, where some processors copy slowly. In
     * most runs of both in turns a caller of 64 MiB there and back took 45 ms of processor time so, 33 from a page on.
     */
    static final int ALIGNMENT = 4096;
    /** What can be asked for with room to align it; whole pages. */
    private static final int MOST_BYTES = Integer.MAX_VALUE - 2 * ALIGNMENT + 1;

    private static final Cleaner CLEANER = Cleaner.create();

    private final long maxBytes;
    // Guarded by this: idle buffers by their capacity, and the bytes of all, lent ones too.
    private final Map<Integer, Deque<ByteBuffer>> idle = new HashMap<>();
    private long bytes;
    private long idleBytes;

    public ReceivePool(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    private static long defaultBytes() {
        String text = System.getenv("PYRPC_RECEIVE_POOL_BYTES");
        long wanted = text != null && text.matches("[0-9]{1,18}") ? Long.parseLong(text) : 256L << 20;
        return Math.min(wanted, Runtime.getRuntime().maxMemory() / 4);
    }

    /**
     * An array to receive into; what is in it is undefined.
     *
     * @throws TooLargeException over 2 GiB
     */
    public NdArray take(DType dtype, long... shape) {
        double size = dtype.itemsize();
        for (long length : shape) {
            size *= length;
        }
        if (size > MOST_BYTES) {
            throw new TooLargeException(
                    "an array over 2 GiB",
                    Detail.mismatch("at most " + MOST_BYTES + " bytes", "%.0f bytes".formatted(size))
                            .withHelp("map it in parts, or take the rows block by block: imap"));
        }
        // Up to 2 to the 53 a double is exact.
        return take(dtype, shape, (int) size);
    }

    NdArray take(DType dtype, long[] shape, int size) {
        Lent lent = lend(size);
        return lent == null
                ? NdArray.wrap(dtype, shape, ByteBuffer.allocate(size))
                : NdArray.wrap(dtype, shape, lent.buffer(size), lent);
    }

    /** Memory of the pool, or null: it is too small to be pooled, or there is no more. */
    Lent lend(int size) {
        if (size < POOLED_BYTES) {
            return null;
        }
        int capacity = capacityFor(size);
        ByteBuffer buffer;
        synchronized (this) {
            Deque<ByteBuffer> found = idle.get(capacity);
            buffer = found == null ? null : found.pollFirst();
            if (buffer != null) {
                idleBytes -= capacity;
            } else if (!makeRoom(capacity)) {
                return null;
            } else {
                bytes += capacity;
            }
        }
        if (buffer == null) {
            buffer = fresh(capacity);
        }
        return buffer == null ? null : new Lent(this, buffer);
    }

    /** Eighths of a power of two: sizes that differ a little share their memory, and at most an eighth is unused. */
    static int capacityFor(int size) {
        int step = Integer.highestOneBit(size) / 8;
        return (int) Math.min(MOST_BYTES, ((long) size + step - 1) / step * step);
    }

    private boolean makeRoom(int capacity) {
        if (bytes - idleBytes + capacity > maxBytes) {
            return false;
        }
        while (bytes + capacity > maxBytes) {
            int other = idle.entrySet().stream()
                    .filter(entry -> !entry.getValue().isEmpty())
                    .mapToInt(Map.Entry::getKey)
                    .max()
                    .orElseThrow();
            idle.get(other).pollLast();
            bytes -= other;
            idleBytes -= other;
        }
        return true;
    }

    private ByteBuffer fresh(int capacity) {
        try {
            ByteBuffer memory = ByteBuffer.allocateDirect(capacity + ALIGNMENT - 1);
            int above = memory.alignmentOffset(0, ALIGNMENT);
            return memory.slice(above == 0 ? 0 : ALIGNMENT - above, capacity);
        } catch (OutOfMemoryError error) {
            // Of direct memory, which others use too: the heap may have room.
            forget(capacity);
            return null;
        }
    }

    private synchronized void forget(int capacity) {
        bytes -= capacity;
    }

    private synchronized void giveBack(ByteBuffer buffer) {
        int capacity = capacityFor(buffer.capacity());
        idle.computeIfAbsent(capacity, c -> new ArrayDeque<>()).addFirst(buffer);
        idleBytes += capacity;
    }

    /** Bytes that are lent or idle. */
    public synchronized long heldBytes() {
        return bytes;
    }

    /** Let go of what nobody uses. */
    public synchronized void clear() {
        idle.clear();
        bytes -= idleBytes;
        idleBytes = 0;
    }

    /** A buffer that an array has. */
    static final class Lent implements ArrayMemory {
        private final State state;
        private final Cleaner.Cleanable whenDropped;

        Lent(ReceivePool pool, ByteBuffer buffer) {
            this.state = new State(pool, buffer);
            this.whenDropped = CLEANER.register(this, state);
        }

        /** The first bytes of it. */
        ByteBuffer buffer(int size) {
            return state.buffer.get().slice(0, size);
        }

        @Override
        public void release() {
            state.isExposed = false;
            whenDropped.clean();
        }

        @Override
        public void expose() {
            state.isExposed = true;
        }
    }

    /** Runs once, when the array is closed or found dropped; must not refer to it. */
    private static final class State implements Runnable {
        private final ReceivePool pool;
        private final AtomicReference<ByteBuffer> buffer;
        private volatile boolean isExposed;

        State(ReceivePool pool, ByteBuffer buffer) {
            this.pool = pool;
            this.buffer = new AtomicReference<>(buffer);
        }

        @Override
        public void run() {
            ByteBuffer mine = buffer.getAndSet(null);
            if (isExposed) {
                pool.forget(capacityFor(mine.capacity()));
            } else {
                pool.giveBack(mine);
            }
        }
    }
}
