// A socket that is closed when it fails.
package io.pyrpc.bindings;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.apache.thrift.TConfiguration;
import org.apache.thrift.transport.TSocket;
import org.apache.thrift.transport.TTransportException;

/** Closed by its first failure, a timeout too: what comes later is no answer to the next call. */
final class NodeSocket extends TSocket {
    private final String host;
    private final int port;
    private final SSLContext tls;

    NodeSocket(TConfiguration limits, String host, int port, ConnectionConfig config) throws TTransportException {
        super(limits, host, port, (int) config.timeout().toMillis());
        this.host = host;
        this.port = port;
        this.tls = config.tls();
    }

    @Override
    public void open() throws TTransportException {
        super.open();
        if (tls == null) {
            return;
        }
        try {
            SSLSocket secure = (SSLSocket) tls.getSocketFactory().createSocket(getSocket(), host, port, true);
            SSLParameters parameters = secure.getSSLParameters();
            // Without this any certificate of the authority would do.
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            secure.setSSLParameters(parameters);
            secure.startHandshake();
            inputStream_ = new BufferedInputStream(secure.getInputStream());
            outputStream_ = new BufferedOutputStream(secure.getOutputStream());
        } catch (IOException error) {
            close();
            throw new TTransportException("TLS: " + error.getMessage(), error);
        }
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
