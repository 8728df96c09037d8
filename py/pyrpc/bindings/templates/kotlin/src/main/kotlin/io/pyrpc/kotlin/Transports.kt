// A socket and frames that are closed when they fail.
package io.pyrpc.kotlin

import org.apache.thrift.TConfiguration
import org.apache.thrift.transport.TSocket
import org.apache.thrift.transport.TTransport
import org.apache.thrift.transport.TTransportException
import org.apache.thrift.transport.layered.TFramedTransport

/** Closed by its first failure, a timeout too: what comes later is no answer to the next call. */
internal class NodeSocket(limits: TConfiguration, host: String, port: Int, timeoutMs: Int) :
    TSocket(limits, host, port, timeoutMs) {
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
