/** What other IDLs include. */
namespace py shared_idl
namespace go shared_idl

typedef i64 Id

enum Weight { LIGHT, HEAVY = 0x10, MIDDLE }

struct Point {
  1: required double x
  2: required double y
}

exception Missing {
  1: Id id
  2: optional string why
}

const i32 MOST = 12

service Base {
  string hello(1: string name)
  oneway void note(1: string text)
}
