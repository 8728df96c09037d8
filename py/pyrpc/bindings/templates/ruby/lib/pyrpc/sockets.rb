# Sockets, plain or with TLS, that wait no longer than they are told.
# frozen_string_literal: true

require "io/wait"
require "openssl"
require "socket"
require "thrift"

module Pyrpc
  # Opens them, and waits for them.
  module Sockets # :nodoc:
    module_function

    # One that is connected, and has seen the certificate of the node if it speaks TLS.
    def connected(host, port, timeout_s, tls)
      socket = ::Socket.tcp(host, port, connect_timeout: timeout_s)
      socket.setsockopt(::Socket::IPPROTO_TCP, ::Socket::TCP_NODELAY, 1)
      tls ? secured(socket, host, timeout_s, tls) : socket
    rescue SystemCallError, SocketError, OpenSSL::SSL::SSLError => e
      socket&.close
      raise Thrift::TransportException.new(
        Thrift::TransportException::NOT_OPEN, "no connection to the node #{host}:#{port}: #{e.message}"
      )
    end

    # Whether a socket is ready for what it said that it waits for before the time is over.
    def wait(socket, wanted, timeout_s)
      wanted == :wait_readable ? socket.to_io.wait_readable(timeout_s) : socket.to_io.wait_writable(timeout_s)
    end

    def secured(socket, host, timeout_s, tls)
      context = tls == true ? OpenSSL::SSL::SSLContext.new.tap(&:set_params) : tls
      secure = OpenSSL::SSL::SSLSocket.new(socket, context)
      secure.sync_close = true
      secure.hostname = host unless host.match?(/:|\A[\d.]+\z/)
      while (wanted = secure.connect_nonblock(exception: false)).is_a?(Symbol)
        wait(secure, wanted, timeout_s) || raise(Errno::ETIMEDOUT)
      end
      secure.post_connection_check(host) unless context.verify_mode == OpenSSL::SSL::VERIFY_NONE
      secure
    end
    private_class_method :secured
  end
end
