package io.pyrpc.client;

import io.pyrpc.NdArray;
import io.pyrpc.errors.CallerException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.wire.Ref;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Large arrays that go whole to every chunk travel once to each node, not once with each chunk. Thread-safe.
 *
 * <p>A job asks for the arguments of a chunk as a given node should get them. The first attempt on a node leaves the
 * large arrays there (Node.put); from then on the chunks carry a reference, which is a hash of the content. A node that
 * does not know the reference (it was restarted, it needed the room, or another of its worker processes answers) gets
 * the arrays themselves again.
 */
final class SharedArrays {
    /** Below this, sending it again costs less than asking a node to keep it. */
    static final long SHARED_BYTES = 1L << 20;

    private final List<NdArray> arrays;
    /** One for each node; held while the arrays travel there. */
    private final Map<String, ReentrantLock> putting = new ConcurrentHashMap<>();
    /** By node: the references by the arrays. Empty: that node gets the arrays themselves. */
    private final Map<String, Map<Object, Ref>> refs = new ConcurrentHashMap<>();

    /**
     * Of one job.
     *
     * @param whole what goes whole, by position and by name
     */
    SharedArrays(Collection<?> whole) {
        arrays = whole.stream()
                .filter(NdArray.class::isInstance)
                .map(NdArray.class::cast)
                .filter(array -> array.byteSize() >= SHARED_BYTES)
                .toList();
    }

    /**
     * References by the arrays, for a node; puts the arrays there if it must, which takes its time.
     *
     * @throws UnreachableException the node was lost meanwhile; no stage has run
     */
    Map<Object, Ref> on(Node node, Deadline deadline) {
        if (arrays.isEmpty()) {
            return Map.of();
        }
        Map<Object, Ref> known = refs.get(node.endpoint());
        if (known != null) {
            return known;
        }
        ReentrantLock lock = putting.computeIfAbsent(node.endpoint(), name -> new ReentrantLock());
        // The other attempts on this node need the arrays as well and wait for them here.
        lock.lock();
        try {
            known = refs.get(node.endpoint());
            if (known == null) {
                known = put(node, deadline);
                refs.put(node.endpoint(), known);
            }
            return known;
        } finally {
            lock.unlock();
        }
    }

    private Map<Object, Ref> put(Node node, Deadline deadline) {
        Map<Object, Ref> put = new IdentityHashMap<>();
        try {
            for (NdArray array : arrays) {
                put.put(array, node.put(array, deadline));
            }
            return put;
        } catch (ConnectionLostException error) {
            throw new UnreachableException(
                    "the connection broke while shared arrays were sent",
                    Detail.NONE.withGot(error.got()).withEndpoint(node.endpoint()));
        } catch (CallerException error) {
            // It does not keep values, or not as large ones: then they go with each chunk.
            return Map.of();
        }
    }

    /** The node did not know a reference: from now on it gets the arrays themselves. */
    void forget(Node node) {
        refs.put(node.endpoint(), Map.of());
    }
}
