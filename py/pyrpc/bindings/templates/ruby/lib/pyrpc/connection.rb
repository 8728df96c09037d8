# Connections to a node, with limits that suit arrays.
# frozen_string_literal: true

require "thrift"
require "pyrpc_idl/node"
require "pyrpc/frames"
require "pyrpc/protocols"
require "pyrpc/sockets"

module Pyrpc
  # Open to one node. It carries one call at a time: open one for each thread.
  #
  # What fails raises PyrpcIdl::RpcError (the node says why), Thrift::ApplicationException (it does not know the method),
  # Thrift::TransportException (no node, time over, connection lost) or Thrift::ProtocolException (a reply that is none);
  # after the last two the connection is closed.
  class Connection
    # The largest frame that Thrift runtimes take.
    MAX_FRAME_BYTES = 0x3FFFFFFF

    # The generic API: any stage, with values.
    attr_reader :node

    # Connects, and tells the node how large replies may be, and the token. With a block: gives that the connection,
    # closes it in the end, and returns what the block does.
    #
    # timeout_s:: of connecting, and of each wait for the node to take or send bytes; nil waits for ever.
    # compact:: speaks the compact protocol in place of the binary one.
    # max_frame_bytes:: the largest reply to take.
    # token:: for nodes that ask for one.
    # tls:: for nodes that speak it: an OpenSSL::SSL::SSLContext, which says whom to trust; true: whom this machine does.
    def self.open(host, port, timeout_s: 30, compact: false, max_frame_bytes: MAX_FRAME_BYTES, token: nil, tls: nil)
      socket = Sockets.connected(host, port, timeout_s, tls)
      connection = new(Frames.new(socket, "#{host}:#{port}", timeout_s, max_frame_bytes), compact, max_frame_bytes, token)
      return connection unless block_given?

      begin
        yield connection
      ensure
        connection.close
      end
    end

    private_class_method :new

    def initialize(frames, compact, max_frame_bytes, token) # :nodoc:
      @frames = frames
      @protocol_class = compact ? Protocols::Compact : Protocols::Binary
      @options = { max_frame_bytes: max_frame_bytes, token: token }.compact
      @node = service(PyrpcIdl::Node, nil)
      # Typed calls have no options: a node takes those that the connection has shown.
      @node.release(PyrpcIdl::Ref.new(id: ""), options)
    rescue StandardError
      close
      raise
    end

    # Client of one service: connection.service(VisionIdl::Vision). The node knows it by the module's last name, or by
    # the one that is given; nil calls methods without the name of a service.
    def service(generated, name = generated.name.split("::").last)
      client = generated::Client.new(@protocol_class.new(@frames, name))
      # A service may have a method that is called extend.
      Kernel.instance_method(:extend).bind_call(client, Protocols::Replies)
    end

    # Options for a call of the generic API: those of the connection, and the time that is left; nil: no deadline.
    def options(remaining_ms: nil)
      PyrpcIdl::CallOptions.new({ **@options, remaining_ms: remaining_ms }.compact)
    end

    # Ends it; closing again does no harm.
    def close
      @frames.disconnect
    end

    def closed?
      !@frames.open?
    end
  end
end
