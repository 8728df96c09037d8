# Rules of the library: arrays that are none, arguments that cannot be sent, and connections that end.
# frozen_string_literal: true

require "minitest/autorun"
require "pyrpc"
require "interop_idl/interop"

ENDPOINT = [ENV.fetch("NODE_HOST"), ENV.fetch("NODE_PORT")].freeze
DType = PyrpcIdl::DType

# Arrays in memory.
class TensorsTest < Minitest::Test
  def refused(part, &block)
    assert_includes assert_raises(ArgumentError, &block).message, part
  end

  def made(**fields)
    PyrpcIdl::Tensor.new(**fields)
  end

  def test_elements_that_a_dtype_does_not_have_are_refused
    refused("whole numbers from -128 to 127 for int8, got 128") { Pyrpc.tensor([128], :int8) }
    refused("whole numbers from 0 to 18446744073709551615 for uint64, got -1") { Pyrpc.tensor([-1], :uint64) }
    refused("whole numbers from -2147483648 to 2147483647 for int32, got 1.5") { Pyrpc.tensor([1.5], :int32) }
    refused("true and false for bool, got 1") { Pyrpc.tensor([1], :bool) }
    refused('real numbers for float32, got "1"') { Pyrpc.tensor(["1"], :float32) }
    refused("real numbers for float16, got (1+2i)") { Pyrpc.tensor([Complex(1, 2)], :float16) }
    refused("numbers for complex64, got nil") { Pyrpc.tensor([nil], :complex64) }
    refused("Strings for unicode, got :a") { Pyrpc.tensor([:a], :unicode) }
    refused("a text in UTF-8") { Pyrpc.tensor(["\xFF"], :string) }
    refused("a text for unicode") { Pyrpc.tensor(["\xFF"], :unicode) }
    refused("expected a dtype (bool, int8,") { Pyrpc.tensor([1], :float99) }
  end

  def test_counts_that_do_not_fit_a_shape_are_refused
    refused("the shape [2, 3] has 6 elements, got 4") { Pyrpc.tensor([1, 2, 3, 4], :int8, [2, 3]) }
    refused("got [-1]") { Pyrpc.tensor([], :int8, [-1]) }
    refused("rows of one length, got 1 and 2") { Pyrpc.tensor([[1], [2, 3]], :int8) }
    refused("rows of one length, got 1") { Pyrpc.tensor([[1], 2], :int8) }
    refused("7 bytes are no whole number of elements of int16") { Pyrpc.packed("1234567", :int16) }
    refused("the shape [3] has 3 elements, got 2") { Pyrpc.packed("1234", :int16, [3]) }
    refused("expected one of bool, int8,") { Pyrpc.packed("1234", :string) }
    refused("at most 32 whole numbers") { Pyrpc.zeros(:int8, [1] * 33) }
  end

  def test_units_belong_to_dates_only
    refused('a unit, such as "ns", for datetime64, got nil') { Pyrpc.tensor([1], :datetime64) }
    refused('no unit for int64, got "ns"') { Pyrpc.tensor([1], :int64, unit: "ns") }
  end

  def test_tensors_that_are_not_what_they_say_are_refused
    refused("3 bytes are not 2 elements of int16") { Pyrpc.array(made(dtype: DType::INT16, shape: [2], data: "abc")) }
    refused("nil bytes are not 1 elements") { Pyrpc.array(made(dtype: DType::INT16, shape: [])) }
    refused("got [-1, -1]") { Pyrpc.array(made(dtype: DType::INT8, shape: [-1, -1], data: "a")) }
    refused("got nil") { Pyrpc.array(made(dtype: DType::INT8, data: "a")) }
    refused("are not 18446744073709551616 elements") { Pyrpc.array(made(dtype: DType::INT8, shape: [2**32] * 2, data: "")) }
    refused("no dtype has the number 99") { Pyrpc.array(made(dtype: 99, shape: [1], data: "a")) }
    refused("are not 1 elements of bytes (nil)") { Pyrpc.array(made(dtype: DType::BYTES, shape: [1], data: "a")) }
    refused("a text in UTF-32LE") do
      Pyrpc.array(made(dtype: DType::UNICODE, shape: [1], data: "\xFF\xFF\xFF\xFF", itemsize: 4))
    end
  end

  def test_texts_that_point_elsewhere_are_refused
    strings = ->(places, text, count) { made(dtype: DType::STRING, shape: [count], data: places.pack("q<*") + text) }
    refused("too few for the offsets of 1 texts") { Pyrpc.array(strings.call([0], "", 1)) }
    refused("too few for the offsets of 1152921504606846976 texts") { Pyrpc.array(strings.call([0], "", 2**60)) }
    refused("a text goes from 0 to 5 of 3 bytes") { Pyrpc.array(strings.call([0, 5], "abc", 1)) }
    refused("a text goes from -1 to 2 of 3 bytes") { Pyrpc.array(strings.call([-1, 2], "abc", 1)) }
    refused("a text goes from 2 to 1 of 3 bytes") { Pyrpc.array(strings.call([2, 1], "abc", 1)) }
    refused("a text in UTF-8") { Pyrpc.array(strings.call([0, 1], "\xC3", 1)) }
  end

  def test_arrays_have_the_shape_of_the_elements
    assert_equal [2, 2, 1], Pyrpc.tensor([[[1], [2]], [[3], [4]]], :int8).shape
    assert_equal [], Pyrpc.tensor(5, :int8).shape
    assert_equal [2, 0], Pyrpc.tensor([[], []], :int8).shape
    assert_equal [[[1], [2]], [[3], [4]]], Pyrpc.nested(Pyrpc.tensor([1, 2, 3, 4], :int8, [2, 2, 1]))
    assert_equal 5, Pyrpc.nested(Pyrpc.tensor(5, :int8))
    assert_equal [], Pyrpc.nested(made(dtype: DType::INT8, shape: [10**12, 0], data: ""))
  end

  def test_packed_arrays_have_the_memory_of_the_string
    data = [1.5, 2.5].pack("e*")
    tensor = Pyrpc.packed(data, :float32)
    assert_same data, tensor.data
    assert_equal [1.5, 2.5], Pyrpc.array(tensor)
  end

  # What NumPy makes of these numbers.
  def test_small_floats_are_rounded_to_the_nearest
    { 65_519.0 => 0x7BFF, 65_520.0 => 0x7C00, -1e9 => 0xFC00, 2.0**-24 => 1, 2.0**-25 => 0, 3 * 2.0**-25 => 2, 0.1 => 0x2E66,
      1023.0 * 2**-24 => 0x03FF, 1023.5 * 2**-24 => 0x0400, 2049.0 => 0x6800, 2051.0 => 0x6802, -0.0 => 0x8000 }.each do |number, bits|
      assert_equal [bits], Pyrpc.tensor([number], :float16).data.unpack("S<*"), number
    end
    { 1.00390625 => 0x3F80, 1.01171875 => 0x3F82, 3.4e38 => 0x7F80, 1e-40 => 0x0001, 3.38e38 => 0x7F7E }.each do |number, bits|
      assert_equal [bits], Pyrpc.tensor([number], :bfloat16).data.unpack("S<*"), number
    end
  end

  def test_small_floats_come_back_as_they_were
    %i[float16 bfloat16].each do |dtype|
      all = (0..0xFFFF).reject { |bits| Pyrpc.array(Pyrpc.packed([bits].pack("S<"), dtype)).first.nan? }
      numbers = Pyrpc.array(Pyrpc.packed(all.pack("S<*"), dtype))
      assert_equal all, Pyrpc.tensor(numbers, dtype).data.unpack("S<*")
      assert_predicate Pyrpc.array(Pyrpc.tensor([Float::NAN], dtype)).first, :nan?
    end
  end
end

# Calls of a node.
class ConnectionTest < Minitest::Test
  def connections
    [false, true].each do |compact|
      Pyrpc::Connection.open(*ENDPOINT, compact: compact) { |open| yield open, open.service(InteropIdl::Interop) }
    end
  end

  def test_arguments_that_cannot_be_sent_leave_the_connection_as_it_was
    connections do |_, client|
      assert_raises(RangeError) { client.add(2**63, 1) }
      assert_raises(RangeError) { client.add(1.5, 1) }
      assert_raises(RangeError) { client.add("1", 1) }
      assert_raises(EncodingError) { client.reversed("\xFF") }
      assert_raises(EncodingError) { client.reversed("\xFF".b) }
      assert_raises(TypeError) { client.reversed(5) }
      assert_raises(TypeError) { client.sleep("5") }
      assert_raises(TypeError) { client.grown(InteropIdl::Region.new(x: 1, moods: "CALM")) }
      assert_raises(TypeError) { client.echo(PyrpcIdl::Tensor.new(dtype: 2, shape: [1], data: :a)) }
      assert_raises(NoMethodError) { client.echo(5) }
      assert_equal 3, client.add(1, 2)
    end
  end

  def test_texts_of_other_encodings_are_converted_and_keep_their_own
    connections do |_, client|
      text = String.new("\xE9a", encoding: "ISO-8859-1")
      assert_equal "aé", client.reversed(text)
      assert_equal Encoding::ISO_8859_1, text.encoding
      assert_equal Encoding::UTF_8, client.reversed("a").encoding
    end
  end

  def test_bytes_may_be_any_string_and_keep_their_encoding
    connections do |open, client|
      bytes = "é\xFF" * 20_000
      tensor = Pyrpc.packed(bytes, :uint8)
      values = [PyrpcIdl::Value.tensor_value(tensor), PyrpcIdl::Value.binary_value(bytes)]
      assert_equal bytes.b, client.echo(tensor).data
      found = values.map { |value| open.node.call("Interop.echo", [value], {}, open.options).value.get_value }
      assert_equal bytes.b, found.first.data
      assert_equal bytes.b, found.last
      assert_equal Encoding::UTF_8, bytes.encoding
      assert_predicate bytes.freeze.then { client.echo(Pyrpc.packed(bytes, :uint8)).data }, :valid_encoding?
    end
  end

  def test_values_nest_as_deep_as_a_node_allows
    connections do |open, _|
      deep = (1..60).reduce(PyrpcIdl::Value.int_value(1)) { |inner, _| PyrpcIdl::Value.list_value([inner]) }
      assert_equal deep, open.node.call("Interop.echo", [deep], {}, open.options).value
    end
  end

  def test_a_call_that_was_broken_off_is_not_answered_to_the_next
    connections do |open, client|
      thread = Thread.new { client.sleep(0.5) }
      Thread.pass until open.instance_variable_get(:@frames).instance_variable_get(:@is_waiting)
      error = assert_raises(Thrift::TransportException) { client.add(1, 2) }
      assert_includes error.message, "has not ended"
      assert_equal 0.5, thread.value
      assert_equal 3, client.add(1, 2)
    end
  end

  def test_a_closed_connection_says_so
    connections do |open, client|
      open.close
      open.close
      assert_predicate open, :closed?
      error = assert_raises(Thrift::TransportException) { client.add(1, 2) }
      assert_equal Thrift::TransportException::NOT_OPEN, error.type
    end
  end

  def test_a_reply_above_the_own_limit_is_a_typed_error
    Pyrpc::Connection.open(*ENDPOINT, max_frame_bytes: 100_000) do |open|
      value = PyrpcIdl::Value.tensor_value(Pyrpc.zeros(:uint8, [200_000]))
      error = assert_raises(PyrpcIdl::RpcError) { open.node.call("Interop.echo", [value], {}, open.options) }
      assert_equal PyrpcIdl::ErrorCode::TOO_LARGE, error.code
    end
  end

  def test_no_node_is_a_transport_error_that_names_it
    port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
    error = assert_raises(Thrift::TransportException) { Pyrpc::Connection.open("127.0.0.1", port) }
    assert_includes error.message, "no connection to the node 127.0.0.1:#{port}"
    assert_raises(Thrift::TransportException) { Pyrpc::Connection.open("no-such-host.invalid", 9090) }
  end

  def test_a_node_that_takes_no_bytes_is_given_up
    server = TCPServer.open("127.0.0.1", 0)
    error = assert_raises(Thrift::TransportException) { Pyrpc::Connection.open("127.0.0.1", server.addr[1], timeout_s: 0.05) }
    assert_equal Thrift::TransportException::TIMED_OUT, error.type
  ensure
    server.close
  end
end
