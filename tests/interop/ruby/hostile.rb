# Calls a node that answers with anything, and says how each call ended.
# frozen_string_literal: true

require "pyrpc"
require "interop_idl/interop"

host, port, protocol, count = ARGV
tensor = Pyrpc.packed("abcd", :uint8, [2, 2])
Integer(count).times do
  Pyrpc::Connection.open(host, port, timeout_s: 5, compact: protocol == "compact") do |connection|
    client = connection.service(InteropIdl::Interop)
    ends = Array.new(2) do
      elements = Pyrpc.array(client.echo(tensor))
      elements == [97, 98, 99, 100] ? "ok" : "ok, but #{elements.inspect}"
    rescue StandardError => e
      "refused #{e.class} #{e.message.to_s.scrub.tr("\n", ' ')[0, 200]}"
    end
    puts ends.join(" / ")
  end
end
