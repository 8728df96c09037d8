# Floats of 16 bits, which Array#pack does not have.
# frozen_string_literal: true

module Pyrpc
  # One kind of them, by how many bits its exponent and its fraction have.
  class SmallFloats # :nodoc:
    def initialize(exponent_bits, fraction_bits)
      @fraction_bits = fraction_bits
      @most = (1 << exponent_bits) - 1
      @bias = @most / 2
    end

    # The bits that are nearest to a number; of two that are the one that is even.
    def bits(number)
      number = number.to_f
      return (@most << @fraction_bits) | (1 << (@fraction_bits - 1)) if number.nan?

      sign = number.negative? || (1 / number).negative? ? 1 << 15 : 0
      sign | [magnitude(number.abs), @most << @fraction_bits].min
    end

    # The number of these bits.
    def float(bits)
      exponent = (bits >> @fraction_bits) & @most
      fraction = bits & ((1 << @fraction_bits) - 1)
      sign = bits[15].zero? ? 1.0 : -1.0
      return fraction.zero? ? sign * Float::INFINITY : Float::NAN if exponent == @most

      fraction += 1 << @fraction_bits unless exponent.zero?
      sign * Math.ldexp(fraction, [exponent, 1].max - @bias - @fraction_bits)
    end

    private

    # One that is rounded up to the next power of two goes on to the next exponent by itself.
    def magnitude(number)
      return @most << @fraction_bits if number.infinite?
      return 0 if number.zero?

      exponent = [Math.frexp(number).last - 1, 1 - @bias].max
      fraction = Math.ldexp(number, @fraction_bits - exponent).round(half: :even)
      ((exponent + @bias - 1) << @fraction_bits) + fraction
    end

    FLOAT16 = new(5, 10)
    BFLOAT16 = new(8, 7)
  end
end
