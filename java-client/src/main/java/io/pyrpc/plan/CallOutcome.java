package io.pyrpc.plan;

import io.pyrpc.errors.ChecksumException;
import io.pyrpc.errors.ConnectionLostException;
import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.DrainingException;
import io.pyrpc.errors.InternalException;
import io.pyrpc.errors.ProtocolException;
import io.pyrpc.errors.PyrpcException;
import io.pyrpc.errors.TlsException;
import io.pyrpc.errors.UnreachableException;
import io.pyrpc.errors.WorkerLostException;

/** What the end of an attempt tells of its node. */
public enum CallOutcome {
    /** It answered, be it by an error of the stage or of the caller. */
    ANSWERED,
    /** It failed by its own fault, or so it seems: it is there, but something is wrong with it. */
    AT_FAULT,
    /** It cannot be reached, broke off, or is about to go. */
    LOST;

    /**
     * What a failure tells.
     *
     * @param failure null: there was none
     */
    public static CallOutcome of(PyrpcException failure) {
        if (isNodeLoss(failure) || failure instanceof DrainingException) {
            return LOST;
        }
        // A call that ran out of time may have asked for too little; but a node that hangs shows in no other way.
        boolean isAtFault = isOutOfTime(failure)
                || failure instanceof WorkerLostException
                || failure instanceof InternalException
                || failure instanceof ProtocolException
                || failure instanceof ChecksumException;
        return isAtFault ? AT_FAULT : ANSWERED;
    }

    /** Whether the node could not be reached, or the connection to it broke. */
    public static boolean isNodeLoss(PyrpcException failure) {
        return failure instanceof UnreachableException
                || failure instanceof ConnectionLostException
                || failure instanceof TlsException;
    }

    static boolean isOutOfTime(PyrpcException failure) {
        return failure instanceof DeadlineExceededException;
    }
}
