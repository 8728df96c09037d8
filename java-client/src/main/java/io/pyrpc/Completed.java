package io.pyrpc;

/**
 * What a job gave for one chunk.
 *
 * @param start first row
 * @param stop row after the last
 * @param value the chunk's result; of a map a view of the result's rows. The job may still need it: to close an array
 *     of it does nothing
 */
public record Completed<T>(long start, long stop, T value) {}
