package io.pyrpc.wire;

/** The limits of the wire; {@code thrift/SPEC.md} has the reason for each. */
public final class Limits {
    /** What any Thrift server takes; it holds until the node announces more. */
    public static final int STOCK_FRAME_BYTES = 16_384_000;
    /** What a node that asks for tokens takes of whoever has shown none. */
    public static final int STRANGER_FRAME_BYTES = 1 << 20;
    public static final int HARD_FRAME_BYTES = (1 << 30) - 1;
    public static final int NDIM = 32;
    public static final int CONTAINER_ITEMS = 4096;
    /** In all containers of a message together. */
    public static final int MESSAGE_ITEMS = 1 << 20;
    public static final int METHOD_NAME_BYTES = 128;
    public static final int NESTING = 64;
    /** What is read ahead while parsing. */
    static final int READ_AHEAD_BYTES = 64 * 1024;
    /** A larger read holds the socket while what is in flight outgrows the caches. */
    static final int RECEIVE_BYTES = 256 * 1024;
    /** Up to here a copy costs less than a part of its own. */
    static final int SMALL_BYTES = 16 * 1024;

    private Limits() {}
}
