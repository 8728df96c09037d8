package io.pyrpc.client;

import io.pyrpc.errors.DeadlineExceededException;
import io.pyrpc.errors.PyrpcException;

/** Names of errors as the Python client has them: receipts are read by both. */
final class ErrorNames {
    private static final String SUFFIX = "Exception";

    private ErrorNames() {}

    static String of(PyrpcException error) {
        String name = error.getClass().getSimpleName();
        if (error instanceof DeadlineExceededException) {
            return "DeadlineExceeded";
        }
        return name.substring(0, name.length() - SUFFIX.length()) + "Error";
    }
}
