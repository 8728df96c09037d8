# Checks a node from Ruby, and prints a line for each check.
# frozen_string_literal: true

require "pyrpc"
require "interop_idl/interop"

Interop = InteropIdl::Interop
Value = PyrpcIdl::Value

# Runs the checks, one method each.
class Program
  INFINITY = Float::INFINITY
  FLOATS = [-1.5, -0.0, 0.0, 0.5, 2.0, INFINITY].freeze
  COUNTS = [0, 1, -1, 1000, 86_400_000, -(2**63)].freeze
  ELEMENTS = {
    "bool" => [true, false, true, true, false, false],
    **[8, 16, 32, 64].to_h { |bits| ["int#{bits}", [-(2**(bits - 1)), -1, 0, 3, 2**(bits - 1) - 2, 2**(bits - 1) - 1]] },
    **[8, 16, 32, 64].to_h { |bits| ["uint#{bits}", [0, 1, 2, 3, 2**bits - 2, 2**bits - 1]] },
    **%w[float16 bfloat16 float32 float64].to_h { |name| [name, FLOATS] },
    **%w[complex64 complex128].to_h { |name| [name, (0..5).map { |index| Complex(index + 0.5, 0.0 - index) }] },
    "datetime64" => COUNTS,
    "timedelta64" => COUNTS,
    "bytes" => ["", "a", "ab", "abc", "x", "y\0z"].map(&:b),
    "unicode" => ["", "a", "ab", "é", "😀", "z😀"],
    "string" => ["", "a", "ab", "é", "😀", "longer than all the others"]
  }.freeze
  UNITS = { "datetime64" => "ns", "timedelta64" => "ms" }.freeze

  def initialize(host, port, protocol)
    @place = [host, port]
    @options = { compact: protocol == "compact" }
  end

  def run
    Pyrpc::Connection.open(*@place, **@options) do |connection|
      @connection = connection
      @client = connection.service(Interop)
      checks.each { |name, body| check(name, &body) }
      ELEMENTS.each_key { |name| check("dtype #{name}") { dtype(name) } }
    end
  end

  private

  def checks
    {
      "ping" => method(:ping), "typed call" => method(:typed), "plain name" => method(:plain),
      "generic call" => method(:generic), "struct" => method(:structs), "text" => method(:text), "16 MB" => method(:large),
      "64 MiB" => method(:larger), "typed error" => method(:errors), "deadline" => method(:deadline),
      "tls" => method(:tls)
    }
  end

  def check(name)
    note = yield
    puts note.is_a?(String) ? "ok #{name}: #{note}" : "ok #{name}"
  rescue StandardError => e
    puts "fail #{name}: #{e.class}: #{e.message.tr("\n", ' ')} #{e.backtrace.first(3).join(' ')}"
  end

  def expect(is_right, text)
    raise text unless is_right
  end

  def expect_same(found, expected)
    expect(found == expected, "expected #{expected.inspect[0, 300]}, got #{found.inspect[0, 300]}")
  end

  # The exception that a block raises.
  def raised(type)
    yield
    raise "expected a #{type}, got none"
  rescue type => e
    e
  end

  def call(name, arguments = [], named = {}, **options)
    @connection.node.call("Interop.#{name}", arguments, named, @connection.options(**options)).value
  end

  def ping
    expect_same(@connection.node.ping.protocol_version, 1)
  end

  def typed
    expect_same(@client.add(1, 2), 3)
  end

  def plain
    expect_same(@connection.service(Interop, nil).add(1, 2), 3)
  end

  def generic
    expect_same(call("add", [Value.int_value(1)], { "b" => Value.int_value(5) }).int_value, 6)
    expect_same(call("add", [2**40, 1].map { |number| Value.int_value(number) }).int_value, 2**40 + 1)
  end

  def structs
    region = InteropIdl::Region.new(
      x: 2, y: 3.0, label: "é", moods: [InteropIdl::Mood::CALM], scores: { "a" => 0.5 }, pixels: Pyrpc.zeros(:uint8, [2, 2])
    )
    grown = @client.grown(region)
    expect_same([grown.x, grown.y, grown.label], [3, 3.0, "é"])
    expect_same(grown.moods, [InteropIdl::Mood::CALM, InteropIdl::Mood::LOUD])
    expect_same(grown.scores, { "a" => 0.5, "area" => 6.0 })
    expect_same(Pyrpc.nested(grown.pixels), [[1, 1], [1, 1]])
    grown = @client.grown(InteropIdl::Region.new(x: 2, y: 3.0))
    expect_same([grown.label, grown.pixels], [nil, nil])
  end

  def text
    expect_same(@client.reversed("aé😀"), "😀éa")
  end

  def large
    rows = 1_000_000
    elements = Array.new(4 * rows) { |index| (index % 1000).to_f }
    doubled = elements.map { |element| 2 * element }
    tensor = Pyrpc.tensor(elements, :float32, [rows, 4])
    reply = @connection.node.run("Interop.doubled", [Value.tensor_value(tensor)], {}, rows, @connection.options)
    [@client.doubled(tensor), reply.value.tensor_value].each do |found|
      expect_same(found.shape, [rows, 4])
      expect(Pyrpc.array(found) == doubled, "other elements came back")
    end
  end

  def larger
    bytes = ((0..250).to_a.pack("C*") * (64 * 1024 * 1024 / 251 + 1)).byteslice(0, 64 * 1024 * 1024)
    tensor = Pyrpc.packed(bytes, :uint8)
    expect(call("echo", [Value.tensor_value(tensor)]).tensor_value.data == bytes, "other bytes came back")
    expect(@client.echo(tensor).data == bytes, "other bytes came back of the typed call")
  end

  def errors
    error = raised(PyrpcIdl::RpcError) { @client.doubled(Pyrpc.zeros(:int32, [2, 4])) }
    expect_same(error.code, PyrpcIdl::ErrorCode::CONTRACT_VIOLATED)
    expect(error.expected && error.got, "it does not tell what it expected and got: #{error.inspect}")
    error = raised(PyrpcIdl::RpcError) { @client.fail("on purpose") }
    expect_same([error.code, error.remote_type], [PyrpcIdl::ErrorCode::STAGE_FAILED, "ValueError"])
    expect(error.message.include?("on purpose"), "it says #{error.message}")
    typed
  end

  def deadline
    left = call("left_s", remaining_ms: 60_000).double_value
    expect(left.positive? && left <= 60, "#{left} s are left of 60")
    error = raised(PyrpcIdl::RpcError) { call("left_s", remaining_ms: 0) }
    expect_same(error.code, PyrpcIdl::ErrorCode::EXPIRED)

    Pyrpc::Connection.open(*@place, **@options, timeout_s: 0.5) do |impatient|
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      error = raised(Thrift::TransportException) { impatient.service(Interop).sleep(10) }
      expect_same(error.type, Thrift::TransportException::TIMED_OUT)
      expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began < 5, "it took too long")
      expect(impatient.closed?, "a late reply could be taken for that of the next call")
    end
  end

  def tls
    context = OpenSSL::SSL::SSLContext.new.tap { |each| each.set_params(ca_file: ENV.fetch("PYRPC_TLS_CA")) }
    token = ENV.fetch("PYRPC_TLS_TOKEN")
    secure = { **@options, token: token, tls: context }
    port = ENV.fetch("PYRPC_TLS_PORT")
    Pyrpc::Connection.open("localhost", port, **secure) do |open|
      expect_same(open.service(Interop).add(1, 2), 3)
      expect_same(open.node.call("Interop.add", [Value.new(int_value: 1)], {}, open.options).value.int_value, 3)
    end
    [nil, "guessed"].each do |wrong|
      error = raised(PyrpcIdl::RpcError) { Pyrpc::Connection.open("localhost", port, **secure, token: wrong) }
      expect_same(error.code, PyrpcIdl::ErrorCode::UNAUTHENTICATED)
    end
    { "localhost" => true, "127.0.0.1" => context }.each do |host, trust|
      error = raised(Thrift::TransportException) { Pyrpc::Connection.open(host, port, **secure, tls: trust) }
      expect(error.message.match?(/verify failed|does not match/), error.message)
    end
    nil
  end

  # By what they print as, since -0.0 == 0.0.
  def dtype(name)
    elements = ELEMENTS[name]
    sample = @client.sample(name)
    expect_same([Pyrpc.dtype(sample), sample.shape, sample.unit], [name.to_sym, [2, 3], UNITS[name]])
    expect_same(Pyrpc.array(sample).inspect, elements.inspect)
    @client.check(name, Pyrpc.tensor(elements, name.to_sym, [2, 3], unit: UNITS[name]))
    @client.check(name, Pyrpc.tensor(elements.each_slice(3).to_a, name.to_sym, unit: UNITS[name]))
    "Array of #{elements.map(&:class).uniq.join(', ').sub('TrueClass, FalseClass', 'true and false')}"
  end
end

$stdout.sync = true
Program.new(*ARGV).run
