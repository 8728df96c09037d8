package io.pyrpc.bench;

import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

/** Bytes as gRPC messages, with as few copies as grpc-java allows. */
final class BytesMarshaller {
    private BytesMarshaller() {}

    /** Hands over the array whole, instead of by slices of a few KiB. */
    static final class Out implements Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new Whole(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            throw new UnsupportedOperationException("this side only sends");
        }
    }

    /** Reads into memory that is used again: valid until the next message. */
    static final class In implements Marshaller<ByteBuffer> {
        private byte[] memory = {};

        @Override
        public InputStream stream(ByteBuffer value) {
            throw new UnsupportedOperationException("this side only receives");
        }

        @Override
        public ByteBuffer parse(InputStream stream) {
            try {
                int size = stream.available();
                if (memory.length < size) {
                    memory = new byte[size];
                }
                return ByteBuffer.wrap(memory, 0, stream.readNBytes(memory, 0, size));
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    private static final class Whole extends ByteArrayInputStream implements KnownLength, Drainable {
        Whole(byte[] bytes) {
            super(bytes);
        }

        @Override
        public int drainTo(OutputStream target) throws IOException {
            int size = count - pos;
            target.write(buf, pos, size);
            pos = count;
            return size;
        }
    }
}
