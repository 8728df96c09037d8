package io.pyrpc.transport;

import io.pyrpc.wire.Source;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Frames from a stream, each within a deadline. */
final class StreamSource extends Source {
    private final Stream stream;
    private long deadline = Connection.NO_DEADLINE;

    StreamSource(Stream stream) {
        this.stream = stream;
    }

    void setDeadline(long deadline) {
        this.deadline = deadline;
    }

    @Override
    protected void receive(ByteBuffer target) throws IOException {
        stream.receive(target, deadline);
    }
}
