package io.pyrpc.plan;

/**
 * What a job has learned of a node.
 *
 * @param node its name
 * @param samples pieces it was learned from; with 0 the rest is what other nodes have shown, or 0
 * @param pieceS seconds that a piece takes whatever its rows
 * @param rowS seconds for each row on top
 * @param serviceRowS seconds a row runs in the stage, as the node tells; 0 if it does not
 * @param overheadS seconds of an attempt that are neither running nor waiting on the node: transfer and latency
 */
public record NodeFit(String node, int samples, double pieceS, double rowS, double serviceRowS, double overheadS) {}
