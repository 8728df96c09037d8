package io.pyrpc.wire;

/** What a message shows of bytes. */
final class Shown {
    private Shown() {}

    /** ASCII as it is, anything else as hex. */
    static String of(byte[] bytes) {
        StringBuilder text = new StringBuilder("'");
        for (byte b : bytes) {
            if (b >= 0x20 && b < 0x7f && b != '\\') {
                text.append((char) b);
            } else {
                text.append("\\x%02x".formatted(b & 0xff));
            }
        }
        return text.append('\'').toString();
    }
}
