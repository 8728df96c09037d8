// A socket that is closed when it fails.
package io.pyrpc.bindings;

import org.apache.thrift.TConfiguration;
import org.apache.thrift.transport.TSocket;
import org.apache.thrift.transport.TTransportException;

/** Closed by its first failure, a timeout too: what comes later is no answer to the next call. */
final class NodeSocket extends TSocket {
    NodeSocket(TConfiguration limits, String host, int port, int timeoutMs) throws TTransportException {
        super(limits, host, port, timeoutMs);
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws TTransportException {
        try {
            return super.read(buffer, offset, length);
        } catch (TTransportException error) {
            close();
            throw error;
        }
    }

    @Override
    public void write(byte[] buffer, int offset, int length) throws TTransportException {
        try {
            super.write(buffer, offset, length);
        } catch (TTransportException error) {
            close();
            throw error;
        }
    }

    @Override
    public void flush() throws TTransportException {
        try {
            super.flush();
        } catch (TTransportException error) {
            close();
            throw error;
        }
    }
}
