package io.pyrpc.wire;

import io.pyrpc.errors.Detail;
import io.pyrpc.errors.ProtocolException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.thrift.TBase;
import org.apache.thrift.TConfiguration;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.protocol.TList;
import org.apache.thrift.protocol.TMap;
import org.apache.thrift.protocol.TSet;
import org.apache.thrift.protocol.TStruct;
import org.apache.thrift.transport.TTransport;
import org.apache.thrift.transport.TTransportException;

/** Lets generated structs read themselves, within the limits of a {@link BinaryReader}. */
final class GeneratedReader extends TBinaryProtocol {
    private final BinaryReader reader;

    GeneratedReader(BinaryReader reader) {
        super(new FromSource(reader.source));
        this.reader = reader;
    }

    /** The struct as it arrived. */
    <T extends TBase<?, ?>> T read(T struct) throws IOException {
        try {
            struct.read(this);
            return struct;
        } catch (TException error) {
            if (error.getCause() instanceof IOException broken) {
                throw broken;
            }
            throw new ProtocolException("a reply that cannot be read", Detail.NONE.withGot(error.toString()));
        }
    }

    @Override
    public TStruct readStructBegin() throws TException {
        reader.enter();
        return super.readStructBegin();
    }

    @Override
    public void readStructEnd() throws TException {
        reader.leave();
        super.readStructEnd();
    }

    @Override
    public TList readListBegin() throws TException {
        return within(() -> {
            int count = reader.list();
            return new TList((byte) reader.itemKind, count);
        });
    }

    @Override
    public TSet readSetBegin() throws TException {
        TList list = readListBegin();
        return new TSet(list.elemType, list.size);
    }

    @Override
    public TMap readMapBegin() throws TException {
        return within(() -> {
            int count = reader.map();
            return new TMap((byte) reader.keyKind, (byte) reader.itemKind, count);
        });
    }

    @Override
    public String readString() throws TException {
        return within(reader::string);
    }

    @Override
    public ByteBuffer readBinary() throws TException {
        return ByteBuffer.wrap(within(reader::bytes));
    }

    private interface Reading<T> {
        T read() throws IOException;
    }

    private static <T> T within(Reading<T> reading) throws TException {
        try {
            return reading.read();
        } catch (IOException error) {
            throw new TTransportException(error);
        }
    }

    /** The bytes of the open frame as Thrift's runtime wants them. */
    private static final class FromSource extends TTransport {
        private final Source source;

        FromSource(Source source) {
            this.source = source;
        }

        @Override
        public int read(byte[] target, int offset, int size) throws TTransportException {
            try {
                source.readInto(ByteBuffer.wrap(target, offset, size));
                return size;
            } catch (EOFException error) {
                throw new TTransportException(TTransportException.END_OF_FILE, error);
            } catch (IOException error) {
                throw new TTransportException(error);
            }
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void open() {}

        @Override
        public void close() {}

        @Override
        public void write(byte[] bytes, int offset, int size) {
            throw new UnsupportedOperationException();
        }

        @Override
        public TConfiguration getConfiguration() {
            return TConfiguration.DEFAULT;
        }

        @Override
        public void updateKnownMessageSize(long size) {}

        @Override
        public void resetMessageSizeAndConsumedBytes(long size) {}

        @Override
        public void checkReadBytesAvailable(long bytes) {
            // The reader checks against the frame, which is what bounds them.
        }
    }
}
