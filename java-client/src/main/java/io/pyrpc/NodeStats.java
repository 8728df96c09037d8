package io.pyrpc;

import java.util.Map;

/**
 * Counters of one node since it started.
 *
 * @param connections that are open now
 * @param stages by name, in the node's order
 * @param errors by the name of their code
 */
public record NodeStats(
        NodeInfo node,
        double uptimeS,
        long connections,
        long bytesReceived,
        long bytesSent,
        LoadReport load,
        Map<String, StageStats> stages,
        Map<String, Long> errors) {}
