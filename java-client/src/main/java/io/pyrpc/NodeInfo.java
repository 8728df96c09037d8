package io.pyrpc;

/**
 * Who a node is.
 *
 * @param version of the pyrpc package there
 * @param protocolVersion of the interface that it speaks
 * @param maxFrameBytes the largest frame it takes
 * @param threads how many calls run at the same time
 */
public record NodeInfo(
        String nodeId,
        String version,
        int protocolVersion,
        NodeState state,
        long maxFrameBytes,
        long pid,
        int threads) {}
