package io.pyrpc.transport;

import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.errors.UnreachableException;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;

/** A TLS session over a socket. No thread but the one that reads and writes touches the session. */
final class TlsStream implements Stream {
    // A few records at once; more would stay with each connection as memory.
    private static final int RECORDS_AT_ONCE = 8;
    // A stream that begins with another byte is no TLS.
    private static final int FIRST_RECORD_TYPE = 0x14;
    private static final int LAST_RECORD_TYPE = 0x17;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final PlainStream plain;
    private final SSLEngine engine;
    private final int recordBytes;
    // All three are kept ready to be read from.
    private final ByteBuffer incoming;
    private final ByteBuffer outgoing;
    private final ByteBuffer clear;
    private boolean isSecured;
    private boolean hasReceived;

    private TlsStream(PlainStream plain, SSLEngine engine) {
        this.plain = plain;
        this.engine = engine;
        this.recordBytes = engine.getSession().getPacketBufferSize();
        this.incoming = ByteBuffer.allocateDirect(RECORDS_AT_ONCE * recordBytes).limit(0);
        this.outgoing = ByteBuffer.allocateDirect(RECORDS_AT_ONCE * recordBytes).limit(0);
        this.clear = ByteBuffer.allocateDirect(engine.getSession().getApplicationBufferSize()).limit(0);
    }

    /**
     * Agree on a session; closes the socket if there is none.
     *
     * @throws TlsException the ends do not agree
     * @throws UnreachableException not in time
     */
    static TlsStream open(PlainStream plain, Endpoint endpoint, TlsContext context, long deadline) {
        boolean isOpen = false;
        try {
            TlsStream stream = new TlsStream(plain, context.engine(endpoint));
            stream.handshake(deadline);
            isOpen = true;
            return stream;
        } catch (SocketTimeoutException error) {
            throw new UnreachableException(
                    "the node cannot be reached",
                    Detail.NONE
                            .withGot("no end of the TLS handshake in time")
                            .withEndpoint(endpoint.toString())
                            .withHelp("does it speak TLS? It does if it was started with tls= (--tls-cert)"));
        } catch (ClosedByInterruptException error) {
            throw new CancelledException(
                    "the thread that called was interrupted", Detail.NONE.withEndpoint(endpoint.toString()));
        } catch (IOException error) {
            TlsException failure = TlsFailures.ofHandshake(error, endpoint);
            failure.initCause(error);
            throw failure;
        } finally {
            if (!isOpen) {
                plain.close();
            }
        }
    }

    private void handshake(long deadline) throws IOException {
        engine.beginHandshake();
        try {
            while (!isSecured) {
                step(deadline);
            }
        } catch (SSLException error) {
            tellWhy();
            throw error;
        }
        flush(deadline);
    }

    private void step(long deadline) throws IOException {
        switch (engine.getHandshakeStatus()) {
            case NEED_TASK -> runTasks();
            case NEED_WRAP -> {
                wrap(new ByteBuffer[] {NOTHING}, deadline);
                flush(deadline);
            }
            case NEED_UNWRAP, NEED_UNWRAP_AGAIN -> {
                clear.clear();
                SSLEngineResult.Status status = unwrap(clear, deadline);
                clear.flip();
                if (status == SSLEngineResult.Status.CLOSED) {
                    throw new EOFException("the peer closed the connection in the TLS handshake");
                }
            }
            default -> isSecured = true;
        }
    }

    private void runTasks() {
        for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
            task.run();
        }
    }

    /** Send the alert that an engine has ready after a failure, if that does not block. */
    private void tellWhy() {
        try {
            outgoing.compact();
            engine.wrap(NOTHING, outgoing);
        } catch (SSLException ignored) {
            // There was nothing to say.
        }
        outgoing.flip();
        plain.sendNow(outgoing);
    }

    /** Decipher one record, waiting for it if need be. */
    private SSLEngineResult.Status unwrap(ByteBuffer target, long deadline) throws IOException {
        while (true) {
            SSLEngineResult result = engine.unwrap(incoming, target);
            if (result.getStatus() != SSLEngineResult.Status.BUFFER_UNDERFLOW) {
                return result.getStatus();
            }
            incoming.compact();
            try {
                plain.receive(incoming, deadline);
            } finally {
                incoming.flip();
            }
            checkIsTls();
        }
    }

    private void checkIsTls() throws IOException {
        int type = incoming.get(incoming.position()) & 0xff;
        if (!isSecured && (type < FIRST_RECORD_TYPE || type > LAST_RECORD_TYPE)) {
            byte[] said = new byte[Math.min(16, incoming.remaining())];
            incoming.get(incoming.position(), said);
            throw new PlainPeerException(said);
        }
    }

    /** The other end does not speak TLS. */
    static final class PlainPeerException extends IOException {
        private static final long serialVersionUID = 1L;

        private final byte[] said;

        PlainPeerException(byte[] said) {
            super("the other end does not speak TLS");
            this.said = said;
        }

        byte[] said() {
            return said.clone();
        }
    }

    @Override
    public void receive(ByteBuffer target, long deadline) throws IOException {
        while (!clear.hasRemaining()) {
            boolean isDirectly = target.remaining() >= clear.capacity();
            ByteBuffer into = isDirectly ? target : clear.clear();
            int before = into.position();
            SSLEngineResult.Status status;
            try {
                status = unwrap(into, deadline);
            } finally {
                if (!isDirectly) {
                    clear.flip();
                }
            }
            hasReceived |= into.position() > before;
            if (isDirectly && target.position() > before) {
                return;
            }
            if (status == SSLEngineResult.Status.CLOSED) {
                throw new EOFException("the peer closed the connection");
            }
            goOn(deadline);
        }
        hasReceived = true;
        int size = Math.min(target.remaining(), clear.remaining());
        target.put(target.position(), clear, clear.position(), size);
        target.position(target.position() + size);
        clear.position(clear.position() + size);
    }

    /** What a session has to do in between: new keys, in TLS 1.3. */
    private void goOn(long deadline) throws IOException {
        switch (engine.getHandshakeStatus()) {
            case NEED_TASK -> runTasks();
            case NEED_WRAP -> {
                wrap(new ByteBuffer[] {NOTHING}, deadline);
                flush(deadline);
            }
            default -> {
                // Nothing but to read on.
            }
        }
    }

    @Override
    public void send(ByteBuffer[] parts, long deadline) throws IOException {
        for (int first = 0; first < parts.length; ) {
            if (!parts[first].hasRemaining()) {
                first++;
            } else {
                wrap(parts, deadline);
            }
        }
        flush(deadline);
    }

    /** Encipher one record of what is left. */
    private void wrap(ByteBuffer[] parts, long deadline) throws IOException {
        if (outgoing.capacity() - outgoing.remaining() < recordBytes) {
            flush(deadline);
        }
        outgoing.compact();
        try {
            SSLEngineResult result = engine.wrap(parts, outgoing);
            if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
                throw new EOFException("the TLS session is closed");
            }
        } finally {
            outgoing.flip();
        }
    }

    private void flush(long deadline) throws IOException {
        plain.send(new ByteBuffer[] {outgoing}, deadline);
    }

    @Override
    public boolean await(long nanos) throws IOException {
        return clear.hasRemaining() || incoming.hasRemaining() || plain.await(nanos);
    }

    @Override
    public boolean isAlive() {
        return !clear.hasRemaining() && !incoming.hasRemaining() && plain.isAlive();
    }

    @Override
    public void shut() {
        plain.shut();
    }

    @Override
    public void close() {
        if (isSecured && !outgoing.hasRemaining()) {
            engine.closeOutbound();
            tellWhy();
            isSecured = false;
        }
        plain.close();
    }

    /** Why the node hung up, if it said so: in TLS 1.3 it looks at a client's certificate after the handshake. */
    PyrpcException refusal(IOException error, Endpoint endpoint) {
        if (hasReceived) {
            return null;
        }
        if (TlsFailures.isAlert(error)) {
            return TlsFailures.ofAlert(error, endpoint);
        }
        try {
            incoming.compact();
            plain.receiveNow(incoming);
            incoming.flip();
            clear.clear();
            engine.unwrap(incoming, clear);
        } catch (IOException said) {
            return TlsFailures.isAlert(said) ? TlsFailures.ofAlert(said, endpoint) : null;
        }
        return null;
    }
}
