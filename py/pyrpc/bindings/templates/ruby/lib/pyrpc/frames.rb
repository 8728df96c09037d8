# Frames over a socket, in place of Thrift's, which know no limit and give late replies to the next call.
# frozen_string_literal: true

require "thrift"
require "pyrpc/sockets"

module Pyrpc
  # A transport that reads one whole frame, and never past its end.
  #
  # What is written waits until flush; large strings are not copied. After a time that is over, and a reply that is none,
  # the socket is closed: what would come next belongs to a call that nobody waits for.
  class Frames < Thrift::BaseTransport # :nodoc:
    CHUNK_BYTES = 1 << 20
    # Larger strings are sent from where they are.
    COPIED_BYTES = 1 << 14

    def initialize(socket, address, timeout_s, max_frame_bytes)
      super()
      @socket = socket
      @address = address
      @timeout_s = timeout_s
      @max_frame_bytes = max_frame_bytes
      @is_waiting = false
      @is_reading = false
      @seqid = -1
      forget
    end

    def open?
      !@socket.closed?
    end

    # Thrift's clients call this when arguments cannot be written. Nothing was sent, so the connection stays.
    def close
      forget
    end

    def disconnect
      @socket.close
    end

    # A new message; what is left of earlier ones is forgotten.
    def begin_message(is_answered)
      disconnect if @is_reading
      fail_with(:NOT_OPEN, "the connection to #{@address} is closed") unless open?
      fail_with(:UNKNOWN, "a call of this connection has not ended: open one for each thread") if @is_waiting

      forget
      @is_answered = is_answered
    end

    # Numbers messages, over all clients of the connection.
    def next_seqid
      @seqid = (@seqid + 1) & 0x7FFFFFFF
    end

    def write(bytes)
      bytes = bytes.dup.force_encoding(Encoding::BINARY) unless bytes.encoding == Encoding::BINARY
      if bytes.bytesize >= COPIED_BYTES
        @pending.push(bytes, String.new)
      else
        @pending.last << bytes
      end
      @pending_bytes += bytes.bytesize
    end

    def flush
      pieces = [[@pending_bytes].pack("N"), *@pending]
      if @pending_bytes > Connection::MAX_FRAME_BYTES
        text = "the arguments have #{@pending_bytes} bytes, expected at most #{Connection::MAX_FRAME_BYTES}"
        forget
        raise Thrift::ProtocolException.new(Thrift::ProtocolException::SIZE_LIMIT, text)
      end
      @is_waiting = true
      guarded { pieces.each { |piece| send_all(piece) } }
      @is_waiting = @is_answered
      forget
    end

    # Waits for the next frame.
    def read_frame
      guarded do
        size = receive(4).unpack1("N")
        if size > @max_frame_bytes
          disconnect
          fail_with(:UNKNOWN, "#{@address} sends a frame of #{size} bytes, expected at most #{@max_frame_bytes}")
        end
        @frame = receive(size)
      end
      @index = 0
      @is_waiting = false
      @is_reading = true
    end

    # How many bytes of the frame are left.
    def left
      @frame.bytesize - @index
    end

    # The message was read to its end. The memory of the frame is not held until the next one.
    def end_message
      malformed("#{left} bytes follow it") unless left.zero?
      @is_reading = false
      forget
    end

    def malformed(why)
      disconnect
      raise Thrift::ProtocolException.new(Thrift::ProtocolException::INVALID_DATA, "the reply is malformed: #{why}")
    end

    def read_all(size)
      @frame.byteslice(advance(size), size)
    end
    alias read read_all

    def read_byte
      @frame.getbyte(advance(1))
    end

    def read_into_buffer(buffer, size)
      buffer[0, size] = @frame.byteslice(advance(size), size)
      size
    end

    def to_s
      "frames(#{@address})"
    end

    private

    def forget
      @pending = [String.new]
      @pending_bytes = 0
      @frame = ""
      @index = 0
    end

    def advance(size)
      malformed("it ends within a value: expected #{size} bytes, got #{left}") if size.negative? || size > left
      @index += size
      @index - size
    end

    def send_all(piece)
      until piece.empty?
        sent = @socket.write_nonblock(piece, exception: false)
        if sent.is_a?(Symbol)
          Sockets.wait(@socket, sent, @timeout_s) || give_up("took no bytes")
        else
          piece = piece.byteslice(sent..)
        end
      end
    end

    # Takes memory as bytes arrive: a size that is only claimed costs nothing.
    def receive(size)
      received = String.new
      chunk = String.new
      while received.bytesize < size
        found = @socket.read_nonblock([size - received.bytesize, CHUNK_BYTES].min, chunk, exception: false)
        case found
        when Symbol then Sockets.wait(@socket, found, @timeout_s) || give_up("sent nothing")
        when nil then lost("it was closed by the node")
        else received << found
        end
      end
      received
    end

    def give_up(what)
      disconnect
      fail_with(:TIMED_OUT, "#{@address} #{what} for #{@timeout_s} s")
    end

    def lost(why)
      disconnect
      fail_with(:END_OF_FILE, "the connection to #{@address} is lost: #{why}")
    end

    def guarded
      yield
    rescue SystemCallError, IOError, OpenSSL::SSL::SSLError => e
      lost(e.message)
    end

    def fail_with(type, text)
      raise Thrift::TransportException.new(Thrift::TransportException.const_get(type), text)
    end
  end
end
