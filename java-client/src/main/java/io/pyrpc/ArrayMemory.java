package io.pyrpc;

/** Whoever lent the memory of an array wants to know this of it; for the client's own use. Thread-safe. */
public interface ArrayMemory {
    /** The array was closed: nobody may look at the memory any more. Told once. */
    void release();

    /** A buffer of it was handed out, which may be used for longer than the array. */
    void expose();
}
