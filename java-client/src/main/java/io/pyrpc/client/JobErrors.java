package io.pyrpc.client;

import io.pyrpc.errors.CancelledException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.Detail;
import io.pyrpc.errors.InternalException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.plan.Action;
import io.pyrpc.plan.FailReason;
import java.util.Collection;

/** What a job that cannot be finished ends with. */
final class JobErrors {
    private JobErrors() {}

    /**
     * The error of a job that the scheduler gives up.
     *
     * @param lastFailure of any attempt, or null
     */
    static PyrpcException of(Action.Fail action, String stage, Collection<String> nodes, PyrpcException lastFailure) {
        if (action.error() != null) {
            return action.error();
        }
        boolean isUnreachable = action.reason() == FailReason.NO_NODES
                || lastFailure instanceof UnreachableException && action.reason() == FailReason.EXHAUSTED;
        if (isUnreachable) {
            return Node.noneReachable(nodes, lastFailure == null ? null : lastFailure.summary());
        }
        return lastFailure != null ? lastFailure : new InternalException(stage + " failed: " + action.reason());
    }

    /** The same error, told of the rows and the attempt it came from. */
    static PyrpcException ofChunk(PyrpcException failure, Action.Send send) {
        failure.addAfter(" (rows " + send.chunk().start() + " to " + send.chunk().stop() + ")");
        if (send.attemptNo() > 0) {
            failure.addAttempt(send.attemptNo() + 1);
        }
        return failure;
    }

    /** The job's own time is over. */
    static DeadlineExceededException tooLate(String stage, long done, long rows, boolean isAllRead) {
        String soFar = isAllRead ? "" : " read so far";
        String got = done + " of " + rows + " rows" + soFar + ", " + (rows - done) + " left";
        return new DeadlineExceededException(
                stage + " was not done in time",
                Detail.NONE.withGot(got)
                        .withHelp("give more time with timeout, or add nodes; job.receipt() tells what went where"));
    }

    static CancelledException interrupted(String stage) {
        return new CancelledException("the thread that waits for " + stage + " was interrupted");
    }

    static CancelledException closed(String stage) {
        return new CancelledException("the client was closed while " + stage + " ran");
    }
}
