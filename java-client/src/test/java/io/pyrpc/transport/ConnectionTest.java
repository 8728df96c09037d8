package io.pyrpc.transport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pyrpc.NdArray;
import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.ConfigException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.errors.UnsupportedTypeException;
import io.pyrpc.wire.CallRequest;
import io.pyrpc.wire.Messages;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a connection makes of peers that behave badly. */
@Timeout(30)
class ConnectionTest {
    private static final int ID = 7;
    private static final byte[] REPLY = Messages.reply(ID, List.of(1L, "text", NdArray.of(new float[20_000])));

    private static CallRequest request(Object... arguments) {
        return CallRequest.of("f", Arrays.asList(arguments), ID);
    }

    private static Connection open(ScriptedPeer peer) {
        return Connection.open(peer.endpoint(), Duration.ofSeconds(5), null);
    }

    private static long in(long millis) {
        return System.nanoTime() + millis * 1_000_000;
    }

    private static <T extends PyrpcException> T failure(Class<T> expected, ScriptedPeer peer) throws Exception {
        try (peer;
                Connection connection = open(peer)) {
            T error = assertThrows(expected, () -> connection.invoke(request(1), in(10_000), null));
            assertFalse(connection.isOpen());
            assertEquals(peer.endpoint().toString(), error.endpoint());
            return error;
        }
    }

    @Test
    void replyMayComeByteByByte() throws Exception {
        try (ScriptedPeer peer = ScriptedPeer.answering(REPLY, 1, false);
                Connection connection = open(peer)) {
            Object value = connection.invoke(request(1), in(20_000), null).value();
            assertEquals(List.of(1L, "text", NdArray.of(new float[20_000])), value);
            assertTrue(connection.isOpen());
            assertEquals(REPLY.length, connection.bytesReceived());
        }
    }

    @Test
    void endOfTheStreamInsideTheReplyIsALostConnection() throws Exception {
        for (int size : new int[] {0, 3, 4, 20, REPLY.length - 1}) {
            failure(ConnectionLostException.class, ScriptedPeer.answering(Arrays.copyOf(REPLY, size), 1 << 20, true));
        }
    }

    @Test
    void resetWhileWaitingIsALostConnection() throws Exception {
        failure(ConnectionLostException.class, ScriptedPeer.of(socket -> {
            ScriptedPeer.readFrame(socket);
            socket.setSoLinger(true, 0);
        }));
    }

    @Test
    void resetWhileSendingIsUnreachable() throws Exception {
        try (ScriptedPeer peer = ScriptedPeer.of(socket -> {
                    socket.getInputStream().read();
                    socket.setSoLinger(true, 0);
                });
                Connection connection = open(peer)) {
            CallRequest large = request(NdArray.of(new double[1_900_000]));
            assertThrows(UnreachableException.class, () -> connection.invoke(large, in(10_000), null));
            assertFalse(connection.isOpen());
        }
    }

    @Test
    void peerThatDoesNotReadIsTooLate() throws Exception {
        CountDownLatch isOver = new CountDownLatch(1);
        try (ScriptedPeer peer = ScriptedPeer.of(socket -> isOver.await());
                Connection connection = open(peer)) {
            CallRequest large = request(NdArray.of(new double[1_900_000]));
            assertThrows(DeadlineExceededException.class, () -> connection.invoke(large, in(100), null));
            assertFalse(connection.isOpen());
        } finally {
            isOver.countDown();
        }
    }

    @Test
    void silentAndDrippingPeersAreTooLate() throws Exception {
        CountDownLatch isOver = new CountDownLatch(1);
        try (ScriptedPeer peer = ScriptedPeer.of(socket -> isOver.await());
                Connection connection = open(peer)) {
            assertThrows(DeadlineExceededException.class, () -> connection.invoke(request(1), in(50), null));
        } finally {
            isOver.countDown();
        }
        try (ScriptedPeer peer = ScriptedPeer.of(socket -> {
                    ScriptedPeer.readFrame(socket);
                    for (byte b : REPLY) {
                        socket.getOutputStream().write(b);
                        Thread.sleep(2);
                    }
                });
                Connection connection = open(peer)) {
            assertThrows(DeadlineExceededException.class, () -> connection.invoke(request(1), in(100), null));
            assertFalse(connection.isOpen());
        }
    }

    @Test
    void whatIsNoReplyClosesTheConnection() throws Exception {
        failure(ProtocolException.class, ScriptedPeer.answering("HTTP/1.1 400".getBytes(), 100, false));
        failure(ProtocolException.class, ScriptedPeer.answering(new byte[] {0x7f, -1, -1, -1, 0}, 100, false));
        failure(ProtocolException.class, ScriptedPeer.answering(Messages.reply(ID + 1, 1L), 100, false));
        byte[] longer = Arrays.copyOf(Messages.reply(ID, 1L), 60);
        longer[3] = 56;
        failure(ProtocolException.class, ScriptedPeer.answering(longer, 100, false));
    }

    @Test
    void goodbyeAndWantOfTlsAreToldAsSuch() throws Exception {
        failure(DrainingException.class, ScriptedPeer.answering(Messages.exception("", 0, 11), 100, false));
        failure(TlsException.class, ScriptedPeer.answering(Messages.exception("", 0, 10), 100, false));
        failure(TlsException.class, ScriptedPeer.answering(Messages.exception("call", ID, 10), 100, false));
    }

    @Test
    void refusalOfTheNodeLeavesTheConnectionInOrder() throws Exception {
        byte[] both = Arrays.copyOf(Messages.exception("call", ID, 7), 200);
        byte[] second = Messages.reply(ID, 5L);
        int first = Messages.exception("call", ID, 7).length;
        System.arraycopy(second, 0, both, first, second.length);
        byte[] stream = Arrays.copyOf(both, first + second.length);
        try (ScriptedPeer peer = ScriptedPeer.answering(stream, 1000, false);
                Connection connection = open(peer)) {
            assertThrows(ProtocolException.class, () -> connection.invoke(request(1), in(10_000), null));
            assertTrue(connection.isOpen());
            assertEquals(5L, connection.receive(request(1), in(10_000), null).value());
        }
    }

    @Test
    void whatCannotTravelIsNotSentAndDoesNoHarm() throws Exception {
        try (ScriptedPeer peer = ScriptedPeer.answering(Messages.reply(ID, 5L), 100, false);
                Connection connection = open(peer)) {
            assertThrows(
                    UnsupportedTypeException.class, () -> connection.send(request(new Object()), in(10_000)));
            assertEquals(0, connection.bytesSent());
            assertEquals(5L, connection.invoke(request(1), in(10_000), null).value());
        }
    }

    @Test
    void errorInThePlaceClosesTheConnection() throws Exception {
        try (ScriptedPeer peer = ScriptedPeer.answering(REPLY, 1000, false);
                Connection connection = open(peer)) {
            assertThrows(
                    IllegalStateException.class,
                    () -> connection.invoke(request(1), in(10_000), (dtype, shape) -> {
                        throw new IllegalStateException("no");
                    }));
            assertFalse(connection.isOpen());
        }
    }

    @Test
    void abortBeforeTheCallCancelsIt() throws Exception {
        try (ScriptedPeer peer = ScriptedPeer.answering(REPLY, 1000, false);
                Connection connection = open(peer)) {
            connection.abort();
            assertThrows(CancelledException.class, () -> connection.invoke(request(1), in(10_000), null));
        }
    }

    @Test
    void peerThatNeverShakesHandsIsUnreachableInTime() throws Exception {
        CountDownLatch isOver = new CountDownLatch(1);
        try (ScriptedPeer peer = ScriptedPeer.of(socket -> isOver.await())) {
            UnreachableException error = assertThrows(
                    UnreachableException.class,
                    () -> Connection.open(peer.endpoint(), Duration.ofMillis(100), io.pyrpc.Tls.DEFAULT));
            assertTrue(error.got().contains("handshake"));
        } finally {
            isOver.countDown();
        }
    }

    @Test
    void endpointsAreReadAndBadOnesRefused() {
        assertEquals(new Endpoint("h", 1), Endpoint.parse(" h:1 ", Map.of()));
        assertEquals(new Endpoint("::1", 9090), Endpoint.parse("[::1]", Map.of()));
        assertEquals(new Endpoint("::1", 7), Endpoint.parse("[::1]:7", Map.of()));
        assertEquals("[::1]:7", new Endpoint("::1", 7).toString());
        assertEquals(new Endpoint("h", 5), Endpoint.parse("h", Map.of("PYRPC_PORT", "5")));
        assertEquals(
                List.of(new Endpoint("a", 1), new Endpoint("b", 2)), Endpoint.parseAll("a:1, b:2,a:1", Map.of()));
        assertEquals(List.of(new Endpoint("127.0.0.1", 9090)), Endpoint.parseAll(null, Map.of()));
        assertEquals(
                List.of(new Endpoint("x", 3)), Endpoint.parseAll(null, Map.of("PYRPC_ENDPOINTS", "x:3")));
        for (String bad : List.of("", ":1", "h:", "h:x", "h:65536", "h:-1", "[::1", "[::1]x", "a b:1", "a/b", "h:١")) {
            if (!bad.equals("h:")) {
                assertThrows(ConfigException.class, () -> Endpoint.parse(bad, Map.of()), bad);
            }
        }
        assertThrows(ConfigException.class, () -> Endpoint.parseAll(" , ", Map.of()));
    }
}
