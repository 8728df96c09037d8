package io.pyrpc.transport;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A peer that does what a test says with the first connection that it gets. */
final class ScriptedPeer implements AutoCloseable {
    interface Script {
        void play(Socket socket) throws Exception;
    }

    private final ServerSocket listener;
    private final CompletableFuture<Void> played;

    private ScriptedPeer(ServerSocket listener, Script script) {
        this.listener = listener;
        this.played = new CompletableFuture<>();
        Thread thread = new Thread(() -> run(script), "scripted peer");
        thread.setDaemon(true);
        thread.start();
    }

    static ScriptedPeer of(Script script) {
        try {
            return new ScriptedPeer(new ServerSocket(0, 5, InetAddress.getLoopbackAddress()), script);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** One that reads a call and then writes some bytes, so many at once, and closes if told so. */
    static ScriptedPeer answering(byte[] bytes, int step, boolean isClosing) {
        return of(socket -> {
            readFrame(socket);
            for (int at = 0; at < bytes.length; at += step) {
                socket.getOutputStream().write(bytes, at, Math.min(step, bytes.length - at));
            }
            if (!isClosing) {
                // Until the other end closes.
                socket.getInputStream().read();
            }
        });
    }

    private void run(Script script) {
        try (Socket socket = listener.accept()) {
            socket.setTcpNoDelay(true);
            script.play(socket);
            played.complete(null);
        } catch (Exception error) {
            played.completeExceptionally(error);
        }
    }

    /** A whole frame, its length included. */
    static byte[] readFrame(Socket socket) throws IOException {
        byte[] head = socket.getInputStream().readNBytes(4);
        int size = java.nio.ByteBuffer.wrap(head).getInt();
        byte[] body = socket.getInputStream().readNBytes(size);
        byte[] frame = new byte[4 + body.length];
        System.arraycopy(head, 0, frame, 0, 4);
        System.arraycopy(body, 0, frame, 4, body.length);
        return frame;
    }

    Endpoint endpoint() {
        return new Endpoint("127.0.0.1", listener.getLocalPort());
    }

    /** Wait for the end of the script. */
    void await() throws Exception {
        played.get(20, TimeUnit.SECONDS);
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
