package io.pyrpc.client;

import io.pyrpc.client.receipt.ChunkRecord;
import io.pyrpc.client.receipt.Outcome;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.plan.Action.Send;
import io.pyrpc.transport.Connection;

/** An attempt in flight, and what is written down of it; belongs to the job's lock. */
final class Running {
    final Send send;
    private final double sentS;
    private Connection connection;
    private long sentBefore;
    private long receivedBefore;
    private long bytesOut;
    private long bytesIn;
    private double prepareS;
    private double repliedS;
    private double serviceS;
    private double queuedS;
    /** Putting arrays on the node that all its chunks share: moves bytes, and is no preparing. */
    private double sharedS;

    private boolean isCancelled;

    /** Sent so many seconds after the job began. */
    Running(Send send, double sentS) {
        this.send = send;
        this.sentS = sentS;
    }

    void shared(double seconds) {
        sharedS = seconds;
    }

    /** The attempt is about to use a connection; seconds since the job began. */
    void connected(Connection used, double atS) {
        // Once: where the node did not know a reference, bytes have moved before the second time.
        prepareS = prepareS != 0 ? prepareS : atS - sentS - sharedS;
        connection = used;
        sentBefore = used.bytesSent();
        receivedBefore = used.bytesReceived();
    }

    /** The connection may be somebody else's from now on. */
    void disconnected() {
        if (connection != null) {
            bytesOut += connection.bytesSent() - sentBefore;
            bytesIn += connection.bytesReceived() - receivedBefore;
            connection = null;
        }
    }

    void replied(double atS) {
        repliedS = atS;
    }

    void loaded(double ranS, double waitedS) {
        serviceS = ranS;
        queuedS = waitedS;
    }

    double serviceS() {
        return serviceS;
    }

    double queuedS() {
        return queuedS;
    }

    boolean isCancelled() {
        return isCancelled;
    }

    /** Break it off. */
    void cancel() {
        isCancelled = true;
        if (connection != null) {
            connection.abort();
        }
    }

    /** What became of it; seconds since the job began. */
    ChunkRecord record(Outcome outcome, double doneS, PyrpcException error) {
        return new ChunkRecord(
                send.chunk().index(),
                send.chunk().start(),
                send.chunk().stop(),
                send.node(),
                send.attemptNo(),
                0,
                sentS,
                doneS,
                queuedS,
                serviceS,
                bytesOut,
                bytesIn,
                outcome,
                error == null ? null : error.summary(),
                prepareS,
                repliedS,
                error == null ? null : ErrorNames.of(error));
    }
}
