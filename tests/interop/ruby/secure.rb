# Rules of connections to a node that speaks TLS and asks for a token.
# frozen_string_literal: true

require "minitest/autorun"
require "pyrpc"
require "interop_idl/interop"

# Calls of that node.
class SecureTest < Minitest::Test
  HOST, PORT, AUTHORITY = ENV.values_at("NODE_HOST", "NODE_PORT", "NODE_AUTHORITY")

  def trusting(file = AUTHORITY)
    OpenSSL::SSL::SSLContext.new.tap { |context| context.set_params(ca_file: file) }
  end

  def refused(host = HOST, **options, &block)
    error = assert_raises(Thrift::TransportException) { Pyrpc::Connection.open(host, PORT, **options, &block) }
    assert_equal Thrift::TransportException::NOT_OPEN, error.type
    error.message
  end

  def test_calls_and_arrays_travel
    [false, true].each do |compact|
      Pyrpc::Connection.open(HOST, PORT, tls: trusting, token: "s3cret", compact: compact) do |connection|
        client = connection.service(InteropIdl::Interop)
        data = Random.bytes(20 << 20)
        assert_equal 3, client.add(1, 2)
        assert_equal data, client.echo(Pyrpc.packed(data, :uint8)).data
        connection.close
        assert_predicate connection, :closed?
      end
    end
  end

  def test_a_missing_or_wrong_token_is_said_when_it_connects
    [nil, "wr0ng"].each do |token|
      error = assert_raises(PyrpcIdl::RpcError) { Pyrpc::Connection.open(HOST, PORT, tls: trusting, token: token) }
      assert_equal PyrpcIdl::ErrorCode::UNAUTHENTICATED, error.code
    end
  end

  def test_a_certificate_of_nobody_who_is_trusted_is_refused
    assert_includes refused(tls: true), "certificate verify failed"
  end

  def test_a_certificate_for_another_host_is_refused
    assert_includes refused("localhost", tls: trusting), "hostname mismatch"
    careless = trusting.tap { |context| context.verify_hostname = false }
    assert_includes refused("localhost", tls: careless), "does not match"
  end

  def test_without_tls_the_node_says_so
    error = assert_raises(Thrift::ApplicationException) { Pyrpc::Connection.open(HOST, PORT) }
    assert_includes error.message, "this node speaks TLS"
  end

  def test_a_node_that_does_not_answer_the_handshake_is_given_up
    server = TCPServer.open("127.0.0.1", 0)
    error = assert_raises(Thrift::TransportException) do
      Pyrpc::Connection.open("127.0.0.1", server.addr[1], tls: trusting, timeout_s: 0.05)
    end
    assert_includes error.message, "timed out"
  ensure
    server.close
  end
end
