package io.pyrpc.wire;

import io.pyrpc.LoadReport;

/**
 * What a call gives back, and what the node had to do then.
 *
 * @param value null, Boolean, Long, Double, String, byte[], NdArray, List, Map or Ref
 * @param load null: not told
 */
public record CallReply(Object value, LoadReport load) {}
