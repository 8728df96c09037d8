# Everything that the language has, in one file.
include "shared.thrift"
include "pyrpc.thrift"
cpp_include "<vector>"

namespace * everything_idl
namespace py everything_idl
namespace go everything_idl
namespace py.twisted everything_idl (since = "0.1")

// Base types, and names for them.
typedef byte Small
typedef list<shared.Point> Path
typedef map<string, Path> (cpp.template = "std::map") Paths

enum Color {
  RED = 1,
  GREEN = 2 (note = "not blue");
  BLUE
} (about = "colors")

const bool YES = true
const i32 ANSWER = 42
const i64 LARGE = -0x7f
const double HALF = .5
const double TINY = -1.5e-3
const string TEXT = 'a "quoted" text\n'
const Color FAVORITE = Color.GREEN
const i32 MOST = shared.MOST
const list<i32> PRIMES = [2, 3, 5; 7]
const set<string> WORDS = ["a", "b"]
const map<string, list<i32>> TABLE = {"one": [1], "two": [1, 2],}
const shared.Point ORIGIN = {"x": 0, "y": 0.0}

/**
 * A struct with a field of each kind.
 */
struct Everything {
  1: bool flag = true,
  2: Small small = -1;
  3: i16 short_number
  4: required i32 number
  5: optional i64 large = LARGE
  6: double real = 0.25
  7: string text = "default"
  8: binary data
  9: Color color = Color.BLUE
  10: list<Everything> children
  11: set<string> names = ["x"]
  12: map<i32, shared.Point> points
  13: optional Shape shape
  14: shared.Weight weight = shared.Weight.HEAVY
  15: optional Everything &following (cpp.ref = "")
  16: map<shared.Point, set<list<i32>>> odd
  17: Paths paths
  18: optional pyrpc.Tensor pixels
  40: list<map<string, pyrpc.Value>> values
}

union Shape {
  1: shared.Point dot
  2: list<shared.Point> line
  3: double radius
  4: bool empty
}

exception Refused {
  1: required i32 code
  2: optional string why
} (message = "why")

service Everyone extends shared.Base {
  void ping(),
  bool negate(1: bool x)
  i8 add_i8(1: i8 a, 2: i8 b)
  i16 add_i16(1: i16 a, 2: i16 b)
  i32 add_i32(1: i32 a = 5, 2: i32 b = ANSWER)
  i64 add_i64(1: i64 a, 2: i64 b);
  double add_double(1: double a, 2: double b)
  binary reversed(1: binary data)
  Color next_color(1: Color color)
  Everything echo(1: Everything it)
  Shape scaled(1: Shape shape, 2: double by)
  list<list<i32>> transposed(1: list<list<i32>> rows)
  set<i32> both(1: set<i32> a, 2: set<i32> b)
  map<string, i32> lengths(1: list<string> words)
  Path path(1: shared.Id id) throws (1: shared.Missing missing, 2: Refused refused)
  void check(1: i32 code) throws (1: Refused refused)
  pyrpc.Tensor doubled(1: pyrpc.Tensor x) throws (1: pyrpc.RpcError error)
  pyrpc.Value any(1: pyrpc.Value x)
  /** Nobody waits for it. */
  oneway void forget(1: i32 number) (deprecated)
}
