package io.pyrpc.bench;

import java.nio.ByteBuffer;

/** A contender: what it sends is made once, in the form in which its users hold arrays. */
interface Caller extends AutoCloseable {
    /** Make the input: so many elements of float32, little endian, each written by {@link Numbers}. */
    void load(int elements) throws Exception;

    /** The input there and back; what came is kept until {@link #drop}. */
    void echo() throws Exception;

    /** The bytes of the array that came last, without a copy. */
    ByteBuffer came();

    /** Let go of what came last, as its users would. */
    void drop();

    /** Twice the input, computed on the nodes; what came is kept until {@link #drop}. */
    default void map() throws Exception {
        throw new UnsupportedOperationException("only pyrpc maps");
    }

    @Override
    void close();
}
