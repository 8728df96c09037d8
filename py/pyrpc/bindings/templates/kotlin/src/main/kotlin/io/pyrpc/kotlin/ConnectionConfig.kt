// What a connection is opened with.
package io.pyrpc.kotlin

import javax.net.ssl.SSLContext
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

/** The largest frame that a Thrift runtime can be made to take. */
const val MAX_FRAME_BYTES: Int = 0x3FFFFFFF

/**
 * What a connection is opened with.
 *
 * @property timeout of connecting, and of each wait for bytes
 * @property compact whether it speaks the compact protocol in place of the binary one
 * @property maxFrameBytes the largest reply to take; by default 1 GiB or a quarter of the heap, whichever is less
 * @property token for nodes that ask for one
 * @property tls what a node's certificate is checked with, such as [tlsTrusting]; null: no TLS
 */
data class ConnectionConfig(
    val timeout: Duration = 30.seconds,
    val compact: Boolean = false,
    val maxFrameBytes: Int = minOf(MAX_FRAME_BYTES.toLong(), Runtime.getRuntime().maxMemory() / 4).toInt(),
    val token: String? = null,
    val tls: SSLContext? = null,
) {
    init {
        require(timeout in 1.milliseconds..Int.MAX_VALUE.milliseconds) {
            "timeout: expected 1 ms to 24 days, got $timeout"
        }
        require(maxFrameBytes in 1..MAX_FRAME_BYTES) {
            "maxFrameBytes: expected 1 to $MAX_FRAME_BYTES, got $maxFrameBytes"
        }
    }

    /** Without the token, which does not belong into logs. */
    override fun toString(): String =
        "ConnectionConfig(timeout=$timeout, compact=$compact, maxFrameBytes=$maxFrameBytes, " +
            "token=${if (token == null) "null" else "***"}, tls=${tls != null})"
}
