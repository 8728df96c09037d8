/**
 * Decisions without I/O, clock or threads: what goes where, when to try again, whom to leave out.
 *
 * <p>The rules are those of {@code thrift/PLANNER.md}; time and chance are arguments. Nothing here is thread-safe by
 * itself.
 */
package io.pyrpc.plan;
