// Replies that are nested too deeply, or followed by more, are refused.
package io.pyrpc.bindings;

import org.apache.thrift.TException;
import org.apache.thrift.protocol.TList;
import org.apache.thrift.protocol.TMap;
import org.apache.thrift.protocol.TMessage;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.protocol.TProtocolDecorator;
import org.apache.thrift.protocol.TProtocolException;
import org.apache.thrift.protocol.TSet;
import org.apache.thrift.protocol.TStruct;

/** Counts the structs and containers that a reply has in one another: generated code reads them by recursion. */
final class BoundedProtocol extends TProtocolDecorator {
    /** A value of a node is 64 deep at most, and each step of it is a union, a struct and a container. */
    static final int MAX_DEPTH = 3 * 64;

    private int depth;

    BoundedProtocol(TProtocol protocol) {
        super(protocol);
    }

    @Override
    public TMessage readMessageBegin() throws TException {
        depth = 0;
        return super.readMessageBegin();
    }

    @Override
    public void readMessageEnd() throws TException {
        super.readMessageEnd();
        int rest = getTransport().getBytesRemainingInBuffer();
        if (rest > 0) {
            getTransport().close();
            throw new TProtocolException(TProtocolException.INVALID_DATA, rest + " bytes follow the reply");
        }
    }

    @Override
    public TStruct readStructBegin() throws TException {
        enter();
        return super.readStructBegin();
    }

    @Override
    public void readStructEnd() throws TException {
        super.readStructEnd();
        depth--;
    }

    @Override
    public TList readListBegin() throws TException {
        enter();
        return super.readListBegin();
    }

    @Override
    public void readListEnd() throws TException {
        super.readListEnd();
        depth--;
    }

    @Override
    public TSet readSetBegin() throws TException {
        enter();
        return super.readSetBegin();
    }

    @Override
    public void readSetEnd() throws TException {
        super.readSetEnd();
        depth--;
    }

    @Override
    public TMap readMapBegin() throws TException {
        enter();
        return super.readMapBegin();
    }

    @Override
    public void readMapEnd() throws TException {
        super.readMapEnd();
        depth--;
    }

    private void enter() throws TProtocolException {
        depth++;
        if (depth > MAX_DEPTH) {
            throw new TProtocolException(
                    TProtocolException.DEPTH_LIMIT, "the reply is nested deeper than " + MAX_DEPTH + " levels");
        }
    }
}
