// Connections to a node, with limits that suit arrays.
package io.pyrpc.kotlin

import io.pyrpc.kotlin.gen.CallOptions
import io.pyrpc.kotlin.gen.NodeClient
import io.pyrpc.kotlin.gen.Ref
import kotlin.time.Duration
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asExecutor
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import org.apache.thrift.TBase
import org.apache.thrift.TConfiguration
import org.apache.thrift.TServiceClient
import org.apache.thrift.protocol.TBinaryProtocol
import org.apache.thrift.protocol.TCompactProtocol
import org.apache.thrift.protocol.TMultiplexedProtocol
import org.apache.thrift.protocol.TProtocol
import org.apache.thrift.transport.TTransport
import org.apache.thrift.transport.TTransportException

/**
 * Open to one node. It carries one call at a time: those of several coroutines wait for each other.
 *
 * A call that fails with a [TTransportException], such as one that takes longer than the timeout, closes it, and so does
 * one that is cancelled (`withTimeout`): the reply that was not waited for must not be taken for that of another call.
 * After an error that the node tells it stays open.
 */
class Connection private constructor(private val transport: TTransport, private val config: ConnectionConfig) :
    AutoCloseable {
    private val protocol: TProtocol =
        BoundedProtocol(if (config.compact) TCompactProtocol(transport) else TBinaryProtocol(transport))
    private val turns = Mutex()

    /** The generic API: any stage, with values. */
    val node: NodeClient = NodeClient(plain())

    /** Whether calls can be made. */
    val isOpen: Boolean
        get() = transport.isOpen

    /** What a generated client of one service is made with: `VisionClient(connection.service("Vision"))`. */
    fun service(name: String): Caller = Caller(this, TMultiplexedProtocol(protocol, name))

    /** The same for calls without the name of a service, to a node that hosts one. */
    fun plain(): Caller = Caller(this, protocol)

    /** Options for a call of the generic API; with the time that is left for it, it has a deadline. */
    fun options(remaining: Duration? = null): CallOptions =
        CallOptions(
            remaining_ms = remaining?.inWholeMilliseconds,
            max_frame_bytes = config.maxFrameBytes.toLong(),
            token = config.token,
        )

    /** Ends the connection; a call that runs is given up. */
    override fun close() = transport.close()

    internal suspend fun <T> turn(action: () -> T): T = turns.withLock { blocking(action) }

    private suspend fun <T> blocking(action: () -> T): T = suspendCancellableCoroutine { continuation ->
        continuation.invokeOnCancellation { close() }
        Dispatchers.IO.asExecutor().execute { continuation.resumeWith(runCatching(action)) }
    }

    companion object {
        /**
         * Connects to a node and tells it how large replies may be, and the token.
         *
         * @throws TTransportException there is no connection
         * @throws io.pyrpc.kotlin.gen.RpcError the node refuses the token
         */
        suspend fun open(host: String, port: Int, config: ConnectionConfig = ConnectionConfig()): Connection {
            val connection = Connection(transport(host, port, config), config)
            try {
                connection.turn { connect(connection.transport, "$host:$port") }
                // Typed calls have no options: a node takes those that the connection has shown.
                connection.node.release(Ref(""), connection.options())
                return connection
            } catch (error: Throwable) {
                connection.close()
                throw error
            }
        }

        private fun transport(host: String, port: Int, config: ConnectionConfig): TTransport {
            val limits =
                TConfiguration.custom()
                    .setMaxFrameSize(config.maxFrameBytes)
                    .setMaxMessageSize(config.maxFrameBytes)
                    .build()
            val socket = NodeSocket(limits, host, port, config)
            return FramedTransport(socket, config.maxFrameBytes)
        }

        private fun connect(transport: TTransport, endpoint: String) {
            try {
                transport.open()
            } catch (error: TTransportException) {
                throw TTransportException(error.type, "no connection to the node $endpoint: ${error.message}", error)
            }
        }
    }
}

/** Calls the methods of one service, one after the other; generated clients are made with it. */
class Caller internal constructor(private val connection: Connection, protocol: TProtocol) {
    private val messages = Messages(protocol)

    /** Sends a call and waits for what comes back, which is put into [result]. */
    suspend fun <T : TBase<*, *>> call(method: String, arguments: TBase<*, *>, result: T): T = connection.turn {
        messages.send(method, arguments)
        messages.receive(method, result)
        result
    }

    /** Sends a call that is not answered. */
    suspend fun callOneway(method: String, arguments: TBase<*, *>): Unit = connection.turn {
        messages.sendOneway(method, arguments)
    }
}

private class Messages(protocol: TProtocol) : TServiceClient(protocol) {
    fun send(method: String, arguments: TBase<*, *>) = sendBase(method, arguments)

    fun sendOneway(method: String, arguments: TBase<*, *>) = sendBaseOneway(method, arguments)

    fun receive(method: String, result: TBase<*, *>) = receiveBase(result, method)
}
