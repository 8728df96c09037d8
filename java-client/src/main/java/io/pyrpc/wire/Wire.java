package io.pyrpc.wire;

/** Thrift's numbers: types of values and of messages, and of its own exception. */
final class Wire {
    static final int STOP = 0;
    static final int BOOL = 2;
    static final int BYTE = 3;
    static final int DOUBLE = 4;
    static final int I16 = 6;
    static final int I32 = 8;
    static final int I64 = 10;
    static final int STRING = 11;
    static final int STRUCT = 12;
    static final int MAP = 13;
    static final int SET = 14;
    static final int LIST = 15;

    static final int CALL = 1;
    static final int REPLY = 2;
    static final int EXCEPTION = 3;

    static final int VERSION_1 = 0x80010000;

    private Wire() {}
}
