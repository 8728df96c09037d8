// Replies that are nested too deeply, or followed by more, are refused.
package io.pyrpc.kotlin

import org.apache.thrift.protocol.TList
import org.apache.thrift.protocol.TMap
import org.apache.thrift.protocol.TMessage
import org.apache.thrift.protocol.TProtocol
import org.apache.thrift.protocol.TProtocolDecorator
import org.apache.thrift.protocol.TProtocolException
import org.apache.thrift.protocol.TSet
import org.apache.thrift.protocol.TStruct

// A value of a node is 64 deep at most, and each step of it is a union, a struct and a container.
private const val MAX_DEPTH = 3 * 64

/** Counts the structs and containers that a reply has in one another: generated code reads them by recursion. */
internal class BoundedProtocol(protocol: TProtocol) : TProtocolDecorator(protocol) {
    private var depth = 0

    override fun readMessageBegin(): TMessage {
        depth = 0
        return super.readMessageBegin()
    }

    override fun readMessageEnd() {
        super.readMessageEnd()
        val rest = transport.bytesRemainingInBuffer
        if (rest > 0) {
            transport.close()
            throw TProtocolException(TProtocolException.INVALID_DATA, "$rest bytes follow the reply")
        }
    }

    override fun readStructBegin(): TStruct = entered { super.readStructBegin() }

    override fun readStructEnd() = left { super.readStructEnd() }

    override fun readListBegin(): TList = entered { super.readListBegin() }

    override fun readListEnd() = left { super.readListEnd() }

    override fun readSetBegin(): TSet = entered { super.readSetBegin() }

    override fun readSetEnd() = left { super.readSetEnd() }

    override fun readMapBegin(): TMap = entered { super.readMapBegin() }

    override fun readMapEnd() = left { super.readMapEnd() }

    private inline fun <T> entered(begin: () -> T): T {
        depth++
        if (depth > MAX_DEPTH) {
            val message = "the reply is nested deeper than $MAX_DEPTH levels"
            throw TProtocolException(TProtocolException.DEPTH_LIMIT, message)
        }
        return begin()
    }

    private inline fun left(end: () -> Unit) {
        end()
        depth--
    }
}
