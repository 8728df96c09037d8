// Names that mean something to Ruby, or to its Thrift library.
namespace rb odd.Names_Idl

enum Set { one, _two }

struct String { 1: i64 hash, 2: i64 X, 3: i64 x, 4: i64 FIELDS, 5: i64 read, 6: i64 write, 7: Set kind = Set._two }

union _value { 1: String text, 2: binary data, 3: list<Set> sets }

exception StandardError { 1: string message }

service odd_ones {
  i64 fit(1: i64 X, 2: i64 x, 3: i64 Y)
  i64 message(1: i64 write, 2: i64 read, 3: i64 send)
  i64 extend(1: i64 class_name)
  i64 _hidden(1: i64 validate) throws (1: StandardError read)
  String echo(1: String it)
  _value other(1: _value it)
}
