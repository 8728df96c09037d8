// Frames, each of which is one message.
package io.pyrpc.bindings;

import org.apache.thrift.transport.TTransport;
import org.apache.thrift.transport.TTransportException;
import org.apache.thrift.transport.layered.TFramedTransport;

/** Closed when a reply was not read to its end: the rest of it would be taken for the next. */
final class FramedTransport extends TFramedTransport {
    FramedTransport(TTransport socket, int maxFrameBytes) throws TTransportException {
        super(socket, maxFrameBytes);
    }

    @Override
    public void flush() throws TTransportException {
        int left = getBytesRemainingInBuffer();
        if (left > 0) {
            close();
            throw new TTransportException("the reply before was not read to its end: " + left + " bytes are left");
        }
        super.flush();
    }
}
