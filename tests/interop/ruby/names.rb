# Calls everything in names.thrift.
# frozen_string_literal: true

require "pyrpc"
require "odd/names__idl/odd_ones"

def expect_same(found, expected)
  raise "expected #{expected.inspect}, got #{found.inspect}" unless found == expected
end

Types = Odd::Names_Idl
[false, true].each do |compact|
  Pyrpc::Connection.open(*ARGV, compact: compact) do |connection|
    client = connection.service(Types::Odd_ones, "odd_ones")
    expect_same(client.fit(1, 20, 300), 321)
    expect_same(client.message(1, 20, 300), 321)
    expect_same(client.extend(4), 4)
    expect_same(client._hidden(5), 5)
    begin
      client._hidden(-1)
      raise "nothing was raised"
    rescue Types::StandardError => e
      expect_same(e.message, "below 0")
    end
    text = Types::String.new(hash: 1, X: 2, x: 3, FIELDS: 4, read: 5, write: 6)
    expect_same(text.kind, Types::Set::X_two)
    found = client.echo(text)
    expect_same([found.hash, found.X, found.x, found.FIELDS, found.kind], [1, 2, 3, 4, Types::Set::X_two])
    [{ text: found }, { data: "\xFF".b }, { sets: [Types::Set::One] }].each do |fields|
      expect_same(client.other(Types::X_value.new(fields)), Types::X_value.new(fields))
    end
  end
end
puts "done"
