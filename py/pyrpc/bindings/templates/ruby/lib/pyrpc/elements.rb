# Elements of arrays as bytes, one way to pack for each dtype.
# frozen_string_literal: true

require "pyrpc/small_floats"

module Pyrpc
  # Packs and unpacks flat Arrays.
  module Elements # :nodoc:
    INTEGERS = {
      int8: "c*", int16: "s<*", int32: "l<*", int64: "q<*", uint8: "C*", uint16: "S<*", uint32: "L<*", uint64: "Q<*",
      datetime64: "q<*", timedelta64: "q<*"
    }.freeze
    FLOATS = { float32: "e*", float64: "E*" }.freeze
    COMPLEX = { complex64: "e*", complex128: "E*" }.freeze
    SMALL = { float16: SmallFloats::FLOAT16, bfloat16: SmallFloats::BFLOAT16 }.freeze

    module_function

    # The bytes, and for texts of one width how many each takes.
    def pack(elements, dtype)
      case dtype
      when :bool then pack_bools(elements)
      when *INTEGERS.keys then pack_integers(elements, dtype)
      when *FLOATS.keys then all(elements, dtype, "real numbers", &real).pack(FLOATS[dtype])
      when *COMPLEX.keys
        all(elements, dtype, "numbers") { |element| element.is_a?(Numeric) }.flat_map(&:rect).pack(COMPLEX[dtype])
      when *SMALL.keys then all(elements, dtype, "real numbers", &real).map { |each| SMALL[dtype].bits(each) }.pack("S<*")
      when :string, :unicode, :bytes then pack_texts(elements, dtype)
      else raise ArgumentError, "expected a dtype (#{DTYPES.values.join(', ')}), got #{dtype.inspect}"
      end
    end

    # As many elements as count, of bytes whose number is right for all dtypes but :string.
    def unpack(data, dtype, count, item_bytes)
      case dtype
      when :bool then data.unpack("C*").map { |byte| byte != 0 }
      when *INTEGERS.keys then data.unpack(INTEGERS[dtype])
      when *FLOATS.keys then data.unpack(FLOATS[dtype])
      when *COMPLEX.keys then data.unpack(COMPLEX[dtype]).each_slice(2).map { |real, imag| Complex.rect(real, imag) }
      when *SMALL.keys then data.unpack("S<*").map { |bits| SMALL[dtype].float(bits) }
      when :string then variable_texts(data, count)
      else Array.new(count) { |index| fixed_text(data.byteslice(index * item_bytes, item_bytes), dtype) }
      end
    end

    def real
      ->(element) { element.is_a?(Numeric) && element.real? }
    end

    def all(elements, dtype, expected, &is_right)
      return elements if elements.all?(&is_right)

      wrong = elements.find { |element| !is_right.call(element) }
      raise ArgumentError, "expected #{expected} for #{dtype}, got #{wrong.inspect}"
    end

    def pack_bools(elements)
      all(elements, :bool, "true and false") { |element| element == true || element == false }
      elements.map { |element| element ? 1 : 0 }.pack("C*")
    end

    # Array#pack takes any number, and drops what does not fit.
    def pack_integers(elements, dtype)
      bits = 8 * ITEM_BYTES[dtype]
      range = dtype.start_with?("uint") ? (0...(1 << bits)) : (-(1 << (bits - 1))...(1 << (bits - 1)))
      all(elements, dtype, "whole numbers from #{range.begin} to #{range.end - 1}") do |element|
        element.is_a?(Integer) && range.cover?(element)
      end
      elements.pack(INTEGERS[dtype])
    end

    def pack_texts(elements, dtype)
      all(elements, dtype, "Strings") { |element| element.is_a?(String) }
      texts = elements.map { |text| encoded(text, dtype) }
      if dtype == :string
        ends = texts.reduce([0]) { |sums, text| sums << (sums.last + text.bytesize) }
        return ends.pack("q<*") + texts.join
      end
      item_bytes = [texts.map(&:bytesize).max || 0, dtype == :unicode ? 4 : 1].max
      [texts.map { |text| text.ljust(item_bytes, "\0") }.join, item_bytes]
    end

    def encoded(text, dtype)
      case dtype
      when :string
        text = text.encode(Encoding::UTF_8)
        raise ArgumentError, "expected a text in UTF-8, got #{text.inspect}" unless text.valid_encoding?

        text.b
      when :unicode then text.encode(Encoding::UTF_32LE).b
      else text.b
      end
    rescue EncodingError => e
      raise ArgumentError, "expected a text for #{dtype}, got #{text.inspect}: #{e.message}"
    end

    def variable_texts(data, count)
      places = data.unpack("q<#{count + 1}") if data.bytesize / 8 > count
      raise ArgumentError, "#{data.bytesize} bytes are too few for the offsets of #{count} texts" unless places

      first = 8 * (count + 1)
      places.each_cons(2).map do |start, stop|
        unless start.between?(0, stop) && stop <= data.bytesize - first
          raise ArgumentError, "a text goes from #{start} to #{stop} of #{data.bytesize - first} bytes"
        end

        decoded(data.byteslice(first + start, stop - start), Encoding::UTF_8)
      end
    end

    def fixed_text(bytes, dtype)
      text = dtype == :bytes ? bytes : decoded(bytes, Encoding::UTF_32LE)
      text[0, (text.rindex(/[^\0]/) || -1) + 1]
    end

    def decoded(bytes, encoding)
      text = bytes.dup.force_encoding(encoding)
      raise EncodingError unless text.valid_encoding?

      text.encode(Encoding::UTF_8)
    rescue EncodingError
      raise ArgumentError, "expected a text in #{encoding}, got #{bytes.inspect}"
    end
    private_class_method :real, :all, :pack_bools, :pack_integers, :pack_texts, :encoded, :variable_texts, :fixed_text,
                         :decoded
  end
end
