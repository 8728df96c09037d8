# Tensors of Arrays, and back.
# frozen_string_literal: true

require "pyrpc_idl/pyrpc_types"
require "pyrpc/elements"

# Nodes of pyrpc.
module Pyrpc
  # Bytes of one element, by dtype; those of texts differ.
  ITEM_BYTES = {
    bool: 1, int8: 1, int16: 2, int32: 4, int64: 8, uint8: 1, uint16: 2, uint32: 4, uint64: 8, float16: 2, bfloat16: 2,
    float32: 4, float64: 8, complex64: 8, complex128: 16, datetime64: 8, timedelta64: 8
  }.freeze
  # How many dimensions an array may have.
  MAX_DIMS = 32
  # Names of all dtypes, by their numbers in the IDL.
  DTYPES = PyrpcIdl::DType::VALUE_MAP.transform_values { |name| name.downcase.to_sym }.freeze

  module_function

  # An array of a dtype (:float32, ...). Without a shape it has that of the elements: [[1, 2], [3, 4]] is 2 x 2; with
  # one they are flat, in C order.
  #
  # Elements are true and false, Integers, Floats (any real number), Complex, and Strings. Dates and spans of time
  # (:datetime64, :timedelta64) are Integers, counted in the unit: "ns", "D" ...
  #
  # Raises ArgumentError: a number that the dtype does not have, or another count than the shape says.
  def tensor(elements, dtype, shape = nil, unit: nil)
    elements, shape = flat(elements) unless shape
    check_count(shape, elements.size)
    check_unit(dtype, unit)
    data, item_bytes = Elements.pack(elements, dtype)
    PyrpcIdl::Tensor.new({ **fields(dtype, shape, data), itemsize: item_bytes, unit: unit }.compact)
  end

  # An array of elements that are packed already, in C order and little endian: [1.5, 2.5].pack("e*") is :float32.
  # The tensor has the String itself: do not change it during a call.
  def packed(data, dtype, shape = nil, unit: nil)
    count, rest = data.bytesize.divmod(item_bytes(dtype))
    raise ArgumentError, "#{data.bytesize} bytes are no whole number of elements of #{dtype}" unless rest.zero?

    check_count(shape, count) if shape
    check_unit(dtype, unit)
    PyrpcIdl::Tensor.new({ **fields(dtype, shape || [count], data), unit: unit }.compact)
  end

  # An array of zeros.
  def zeros(dtype, shape, unit: nil)
    packed("\0".b * (count_of(shape) * item_bytes(dtype)), dtype, shape, unit: unit)
  end

  # The elements of a tensor, flat, in C order; they are copies. Zeros at the end of :bytes and :unicode are padding.
  # The packed ones are tensor.data.
  #
  # Raises ArgumentError: the tensor is not what it says.
  def array(tensor)
    dtype = self.dtype(tensor)
    count = count_of(tensor.shape)
    item_bytes = ITEM_BYTES.fetch(dtype) { tensor.itemsize }
    data = tensor.data
    unless data.is_a?(String) && (dtype == :string || data.bytesize == count * item_bytes.to_i)
      raise ArgumentError, "#{data&.bytesize.inspect} bytes are not #{count} elements of #{dtype} (#{item_bytes.inspect})"
    end
    Elements.unpack(data, dtype, count, item_bytes)
  end

  # The same as Arrays in Arrays; of a 0-d tensor its element, and [] of one without elements.
  def nested(tensor)
    elements = array(tensor)
    return elements if elements.empty?
    return elements.first if tensor.shape.empty?

    tensor.shape.drop(1).reverse.reduce(elements) { |parts, dim| parts.each_slice(dim).to_a }
  end

  # The dtype of a tensor, such as :float32.
  def dtype(tensor)
    DTYPES.fetch(tensor.dtype) { raise ArgumentError, "no dtype has the number #{tensor.dtype.inspect}" }
  end

  def item_bytes(dtype) # :nodoc:
    ITEM_BYTES.fetch(dtype) { raise ArgumentError, "expected one of #{ITEM_BYTES.keys.join(', ')}, got #{dtype.inspect}" }
  end

  def fields(dtype, shape, data) # :nodoc:
    { dtype: DTYPES.key(dtype), shape: shape, data: data }
  end

  def flat(elements) # :nodoc:
    shape = []
    parts = [elements]
    while parts.first.is_a?(Array)
      lengths = parts.map { |part| part.is_a?(Array) ? part.size : nil }.uniq
      raise ArgumentError, "expected rows of one length, got #{lengths.compact.join(' and ')}" if lengths.size > 1

      shape << lengths.first
      parts = parts.flatten(1)
    end
    [parts, shape]
  end

  def count_of(shape) # :nodoc:
    unless shape.is_a?(Array) && shape.size <= MAX_DIMS && shape.all? { |dim| dim.is_a?(Integer) && dim >= 0 }
      raise ArgumentError, "expected a shape of at most #{MAX_DIMS} whole numbers from 0 up, got #{shape.inspect[0, 200]}"
    end

    shape.reduce(1, :*)
  end

  def check_count(shape, count) # :nodoc:
    expected = count_of(shape)
    return if expected == count

    raise ArgumentError, "the shape #{shape} has #{expected} elements, got #{count}"
  end

  def check_unit(dtype, unit) # :nodoc:
    needed = %i[datetime64 timedelta64].include?(dtype)
    return if needed == !unit.nil?

    raise ArgumentError, "expected #{needed ? 'a unit, such as "ns",' : 'no unit'} for #{dtype}, got #{unit.inspect}"
  end
  private_class_method :fields, :flat, :count_of, :check_count, :check_unit, :item_bytes
end
