package io.pyrpc.plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;

/**
 * The nodes that may be given a chunk: least loaded first, and among equals the one that is free longest.
 *
 * <p>Kept in one ordered set for each number of attempts in flight, so that nothing looks at all nodes.
 */
final class FreeNodes implements Iterable<NodeState> {
    private final List<Set<NodeState>> byLoad = new ArrayList<>();

    FreeNodes(int mostWindow) {
        for (int level = 0; level < mostWindow; level++) {
            byLoad.add(new LinkedHashSet<>());
        }
    }

    /** Put the node where its state says; to be called after each change of it. */
    void place(NodeState node) {
        int level = node.inFlight < node.window.size() && node.isUsable() ? node.inFlight : -1;
        if (level == node.loadLevel) {
            return;
        }
        if (node.loadLevel >= 0) {
            byLoad.get(node.loadLevel).remove(node);
        }
        if (level >= 0) {
            byLoad.get(level).add(node);
        }
        node.loadLevel = level;
    }

    /** The best free node; null: none is free. */
    NodeState first() {
        for (Set<NodeState> nodes : byLoad) {
            if (!nodes.isEmpty()) {
                return nodes.iterator().next();
            }
        }
        return null;
    }

    /** Whether the node is one of them. */
    boolean holds(NodeState node) {
        return node.loadLevel >= 0;
    }

    /** How many. */
    int size() {
        int size = 0;
        for (Set<NodeState> nodes : byLoad) {
            size += nodes.size();
        }
        return size;
    }

    /** One of them by its place. */
    NodeState at(int index) {
        Iterator<NodeState> nodes = iterator();
        for (int place = 0; place < index; place++) {
            nodes.next();
        }
        return nodes.next();
    }

    @Override
    public Iterator<NodeState> iterator() {
        return new Iterator<>() {
            private int level;
            private Iterator<NodeState> nodes = Collections.emptyIterator();

            @Override
            public boolean hasNext() {
                while (!nodes.hasNext() && level < byLoad.size()) {
                    nodes = byLoad.get(level++).iterator();
                }
                return nodes.hasNext();
            }

            @Override
            public NodeState next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                return nodes.next();
            }
        };
    }
}
