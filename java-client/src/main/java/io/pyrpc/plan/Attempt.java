package io.pyrpc.plan;

/** One sending of a chunk to a node, from Send until the driver reports its end. */
final class Attempt {
    final long attemptId;
    final ChunkState state;
    final long rows;
    final NodeState node;
    /** Of the node when it was sent. */
    final int epoch;

    final double sentAt;
    boolean isCancelled;

    Attempt(long attemptId, ChunkState state, NodeState node, double sentAt) {
        this.attemptId = attemptId;
        this.state = state;
        this.rows = state.chunk.rows();
        this.node = node;
        this.epoch = node.epoch;
        this.sentAt = sentAt;
    }
}
