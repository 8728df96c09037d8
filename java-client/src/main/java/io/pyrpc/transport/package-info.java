/**
 * Connections to nodes, with and without TLS, and pools of them; for the client's own use.
 *
 * <p>The only sockets are here.
 */
package io.pyrpc.transport;
