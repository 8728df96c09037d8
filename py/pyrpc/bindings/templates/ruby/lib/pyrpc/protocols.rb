# Thrift's protocols, with what they lack: names of services, limits of what is read, checks of what is written.
# frozen_string_literal: true

require "thrift"

# Thrift's code in Ruby alone is slow, and writes bytes in unions as texts.
raise LoadError, "the gem thrift lacks its native extension" unless defined?(Thrift::BinaryProtocolAccelerated)

module Pyrpc
  # The protocols that a connection speaks.
  module Protocols # :nodoc:
    # Nested values; a node allows 64 of them, with a list or map in each.
    MAX_DEPTH = 160

    # Mends both protocols. Thrift's own write numbers that are no whole ones, or too large, as others; change the
    # encoding of strings of the caller; believe any length; and take any reply for that of the call.
    module Mended
      def initialize(frames, service)
        super(frames)
        @prefix = service ? "#{service}:" : ""
      end

      def write_message_begin(name, type, _seqid)
        trans.begin_message(type == Thrift::MessageTypes::CALL)
        @seqid = trans.next_seqid
        start
        super("#{@prefix}#{name}", type, @seqid)
      end

      def write_byte(value)
        super(whole(value, 8))
      end

      def write_i16(value)
        super(whole(value, 16))
      end

      def write_i32(value)
        super(whole(value, 32))
      end

      def write_i64(value)
        super(whole(value, 64))
      end

      def write_bool(value)
        raise TypeError, "expected true or false, got #{value.inspect}" unless value == true || value == false

        super
      end

      def write_double(value)
        raise TypeError, "expected a number, got #{value.inspect}" unless value.is_a?(Numeric) && value.real?

        super(value.to_f)
      end

      def write_string(text)
        raise TypeError, "expected a String, got #{text.inspect}" unless text.is_a?(String)

        text = text.encode(Encoding::UTF_8)
        raise EncodingError, "expected a text in UTF-8, got #{text.inspect}" unless text.valid_encoding?

        super(text)
      end

      def write_binary(bytes)
        raise TypeError, "expected a String of bytes, got #{bytes.inspect}" unless bytes.is_a?(String)

        # It shares the memory of the caller's, which keeps its encoding.
        super(bytes.dup.force_encoding(Encoding::BINARY))
      end

      def read_message_begin
        trans.read_frame
        start
        found = super
        trans.malformed("it has number #{found[2]}, expected #{@seqid}") unless found[2] == @seqid
        found
      end

      def read_message_end
        trans.end_message
        super
      end

      def read_struct_begin
        deeper
        super
      end

      def read_struct_end
        @depth -= 1
        super
      end

      def read_list_begin
        counted(super)
      end

      def read_list_end
        @depth -= 1
        super
      end

      def read_set_begin
        counted(super)
      end

      def read_set_end
        @depth -= 1
        super
      end

      def read_map_begin
        counted(super)
      end

      def read_map_end
        @depth -= 1
        super
      end

      private

      # Nothing is left over from a message that was given up.
      def start
        @depth = 0
        @last_field = [0]
        @boolean_field = @bool_value = @boolean_value = nil
      end

      def whole(value, bits)
        return value if value.is_a?(Integer) && value.bit_length < bits

        raise RangeError, "expected a whole number of #{bits} bits, got #{value.inspect}"
      end

      # Each element takes at least one byte.
      def counted(header)
        count = header.last
        trans.malformed("#{count} elements in #{trans.left} bytes") if count.negative? || count > trans.left
        deeper
        header
      end

      def deeper
        trans.malformed("values are nested deeper than #{MAX_DEPTH}") if @depth >= MAX_DEPTH
        @depth += 1
      end
    end

    # Mends clients: what is wrong with a reply has many names in Thrift's code.
    module Replies
      def receive_message(_result_class)
        super
      rescue Thrift::Exception
        raise
      rescue StandardError => e
        @iprot.trans.malformed(e.message)
      end
    end

    # The binary one.
    class Binary < Thrift::BinaryProtocolAccelerated
      include Mended
    end

    # The compact one.
    class Compact < Thrift::CompactProtocol
      include Mended
    end
  end
end
