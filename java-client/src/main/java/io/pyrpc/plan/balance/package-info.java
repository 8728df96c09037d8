/** Balancers: which node gets a single call. One policy a class; chosen by name, or any {@code Balancer}. */
package io.pyrpc.plan.balance;
