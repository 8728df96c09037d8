package io.pyrpc.client.receipt;

/**
 * A node that was taken for down was asked whether it is back.
 *
 * @param node which
 * @param atS when the answer came or was given up, in seconds since the job began
 * @param isUp whether it is back
 */
public record ProbeRecord(String node, double atS, boolean isUp) {}
