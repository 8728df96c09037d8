package io.pyrpc.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.pyrpc.DType;
import io.pyrpc.NdArray;
import io.pyrpc.errors.ArgumentException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.testing.Cluster;
import io.pyrpc.transport.ConnectionPool;
import io.pyrpc.transport.Endpoint;
import io.pyrpc.wire.CallReply;
import io.pyrpc.wire.ReceivePool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NodeTest {
    private static final Deadline DEADLINE = Deadline.after(Duration.ofSeconds(50));

    private static Node.Call echo(Object value) {
        return new Node.Call("Maths.echo", List.of(value), Map.of(), null, 0);
    }

    @Test
    void anArgumentThatCannotBeReadIsTheFaultOfItsOwnCallAlone() {
        NdArray closed = ReceivePool.SHARED.take(DType.UINT8, 1 << 20);
        closed.close();
        List<Node.Call> calls = List.of(echo(1L), echo(closed), echo(3L));
        List<CallReply> replies = new ArrayList<>();
        List<PyrpcException> errors = new ArrayList<>();
        try (Cluster cluster = Cluster.start(1)) {
            Endpoint endpoint = Endpoint.parse(cluster.node(0).endpoint());
            Node node = new Node(
                    endpoint.toString(), new ConnectionPool(endpoint, Duration.ofSeconds(5), null, false), null);
            node.callMany(calls, Collections.nCopies(3, DEADLINE), (index, reply, error) -> {
                replies.add(reply);
                errors.add(error);
            });
            assertEquals(1L, replies.get(0).value());
            assertInstanceOf(ArgumentException.class, errors.get(1));
            assertEquals(3L, replies.get(2).value());
            assertNull(errors.get(2));
            assertEquals(4L, node.invoke(echo(4L), DEADLINE, null, null).value(), "no reply was left behind");
            node.close();
        }
    }
}
