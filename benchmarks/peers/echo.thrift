// What the stock Apache Thrift peer of the benchmarks serves. gen_echo/ beside this file is its generated Python,
// committed so that a run needs no compiler; ../README.md says how it is made.
namespace py gen_echo

service Echo {
  binary echo(1: binary data)
  void noop()
}
