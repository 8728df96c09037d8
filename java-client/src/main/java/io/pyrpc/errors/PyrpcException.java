package io.pyrpc.errors;

import java.time.Duration;

/**
 * Root of all errors that the client throws on purpose.
 *
 * <pre>
 * PyrpcException                   fault    may have run   failure class
 * |- CallerException
 * |  |- UnknownMethodException     caller   no             FINAL
 * |  |- ArgumentException          caller   no             FINAL
 * |  |- ContractException          caller   no             FINAL
 * |  |- LengthMismatchException    caller   no             FINAL
 * |  |- UnsupportedTypeException   caller   no             FINAL
 * |  |- TooLargeException          caller   no             FINAL
 * |  |- ConfigException            caller   no             FINAL
 * |  |- AuthException              caller   no             FINAL
 * |  `- UnknownRefException        caller   no             FINAL
 * |- StageException
 * |  |- StageFailedException       stage    yes            FINAL
 * |  `- BadResultException         stage    yes            FINAL
 * |- NodeException
 * |  |- UnreachableException       network  no             NOT_EXECUTED
 * |  |- ConnectionLostException    network  yes            UNKNOWN
 * |  |- TlsException               network  no             NOT_EXECUTED
 * |  |- ProtocolException          node     yes            FINAL
 * |  |- ChecksumException
 * |  |  |- CallChecksumException   network  no             NOT_EXECUTED
 * |  |  `- ReplyChecksumException  network  yes            UNKNOWN
 * |  |- OverloadedException        node     no             NOT_EXECUTED
 * |  |- DrainingException          node     no             NOT_EXECUTED
 * |  |- WorkerLostException        node     yes            UNKNOWN
 * |  `- InternalException          node     yes            FINAL
 * |- DeadlineExceededException     caller   yes            UNKNOWN
 * |- ExpiredException              caller   no             NOT_EXECUTED
 * `- CancelledException            caller   yes            FINAL
 * </pre>
 *
 * Code that decides whether to try again asks {@link #failureClass()}, never the text.
 */
public abstract class PyrpcException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Fault fault;
    private final boolean mayHaveRun;
    private final FailureClass failureClass;
    private volatile String what;
    private volatile Detail detail;

    PyrpcException(Fault fault, boolean mayHaveRun, FailureClass failureClass, String what, Detail detail) {
        super(what);
        this.fault = fault;
        this.mayHaveRun = mayHaveRun;
        this.failureClass = failureClass;
        this.what = what;
        this.detail = detail;
    }

    /** Who has to change something. */
    public Fault fault() {
        return fault;
    }

    /** Whether the stage may have run, in part or whole. */
    public boolean mayHaveRun() {
        return mayHaveRun;
    }

    /** What the failure says about trying again. */
    public FailureClass failureClass() {
        return failureClass;
    }

    /** What happened, in one sentence. */
    public String what() {
        return what;
    }

    public String expected() {
        return detail.expected();
    }

    public String got() {
        return detail.got();
    }

    /** {@code host:port} of the node that was asked, or null. */
    public String endpoint() {
        return detail.endpoint();
    }

    /** How often the call was sent before, or null. */
    public Integer attempt() {
        return detail.attempt();
    }

    /** What to do about it, or null. */
    public String help() {
        return detail.help();
    }

    /** What the stage raised, or null. */
    public String remoteType() {
        return detail.remoteType();
    }

    /** The traceback on the node, or null. */
    public String remoteTraceback() {
        return detail.remoteTraceback();
    }

    /** How long the node asks to wait, or null. */
    public Duration retryAfter() {
        return detail.retryAfter();
    }

    /** Name the node that was asked, where that is not yet known. */
    public void addEndpoint(String endpoint) {
        if (detail.endpoint() == null) {
            detail = detail.withEndpoint(endpoint);
        }
    }

    /** Put something before what happened, such as the method that was called. */
    public void addBefore(String text) {
        what = text + what;
    }

    /** Put something after what happened, such as the rows that were asked for. */
    public void addAfter(String text) {
        what = what + text;
    }

    /** Name the attempt that failed. */
    public void addAttempt(int attempt) {
        detail = detail.withAttempt(attempt);
    }

    /** The error in one line: what, expected, got, node, attempt. */
    public String summary() {
        StringBuilder text = new StringBuilder(what);
        append(text, "; expected ", detail.expected());
        append(text, "; got ", detail.got());
        append(text, "; node ", detail.endpoint());
        append(text, "; attempt ", detail.attempt());
        return text.toString();
    }

    @Override
    public String getMessage() {
        StringBuilder text = new StringBuilder(summary());
        append(text, "\nhelp: ", detail.help());
        if (detail.remoteTraceback() != null) {
            text.append("\ntraceback on the node:\n").append(detail.remoteTraceback().stripTrailing());
        }
        return text.toString();
    }

    private static void append(StringBuilder text, String before, Object part) {
        if (part != null) {
            text.append(before).append(part);
        }
    }
}
