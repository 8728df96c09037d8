// A socket and frames that are closed when they fail.
package io.pyrpc.kotlin

import java.io.IOException
import javax.net.ssl.SSLSocket
import org.apache.thrift.TConfiguration
import org.apache.thrift.transport.TSocket
import org.apache.thrift.transport.TTransport
import org.apache.thrift.transport.TTransportException
import org.apache.thrift.transport.layered.TFramedTransport

/** Closed by its first failure, a timeout too: what comes later is no answer to the next call. */
internal class NodeSocket(
    limits: TConfiguration,
    private val host: String,
    private val port: Int,
    private val config: ConnectionConfig,
) : TSocket(limits, host, port, config.timeout.inWholeMilliseconds.toInt()) {
    override fun open() {
        super.open()
        val factory = config.tls?.socketFactory ?: return
        try {
            val secure = factory.createSocket(socket, host, port, true) as SSLSocket
            // Without this any certificate of the authority would do.
            secure.sslParameters = secure.sslParameters.apply { endpointIdentificationAlgorithm = "HTTPS" }
            secure.startHandshake()
            inputStream_ = secure.inputStream.buffered()
            outputStream_ = secure.outputStream.buffered()
        } catch (error: IOException) {
            close()
            throw TTransportException("TLS: ${error.message}", error)
        }
    }

    override fun read(buffer: ByteArray, offset: Int, length: Int): Int =
        orClosed { super.read(buffer, offset, length) }

    override fun write(buffer: ByteArray, offset: Int, length: Int) = orClosed { super.write(buffer, offset, length) }

    override fun flush() = orClosed { super.flush() }

    private inline fun <T> orClosed(action: () -> T): T =
        try {
            action()
        } catch (error: TTransportException) {
            close()
            throw error
        }
}

/** Closed when a reply was not read to its end: the rest of it would be taken for the next. */
internal class FramedTransport(socket: TTransport, maxFrameBytes: Int) : TFramedTransport(socket, maxFrameBytes) {
    override fun flush() {
        val left = bytesRemainingInBuffer
        if (left > 0) {
            close()
            throw TTransportException("the reply before was not read to its end: $left bytes are left")
        }
        super.flush()
    }
}
