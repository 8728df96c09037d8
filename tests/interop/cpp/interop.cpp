// Checks a node from C++, and prints a line for each check.
#include "gen/Interop.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "pyrpc/connection.h"
#include "pyrpc/tensor.h"

using interop_idl::InteropClient;
using interop_idl::Mood;
using interop_idl::Region;
using pyrpc::idl::CallReply;
using pyrpc::idl::DType;
using pyrpc::idl::ErrorCode;
using pyrpc::idl::RpcError;
using pyrpc::idl::Tensor;
using pyrpc::idl::Value;
using Arguments = std::vector<Value>;
using Named = std::map<std::string, Value>;

namespace {

void check(const std::string& name, const std::function<std::string()>& run) {
  std::string line;
  try {
    const std::string note = run();
    line = "ok " + name + (note.empty() ? "" : ": " + note);
  } catch (const std::exception& error) {
    line = "fail " + name + ": " + error.what();
  }
  for (char& sign : line) sign = sign == '\n' ? ' ' : sign;
  std::cout << line << std::endl;
}

template <class... Parts>
void expect(bool is_right, const Parts&... parts) {
  if (is_right) return;
  std::ostringstream text;
  (text << ... << parts);
  throw std::runtime_error(text.str());
}

/// What a call throws.
template <class Error>
Error thrown(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error;
  }
  throw std::runtime_error("nothing was thrown");
}

Value integer(std::int64_t number) {
  Value value;
  value.__set_int_value(number);
  return value;
}

Value array(const Tensor& tensor) {
  Value value;
  value.__set_tensor_value(tensor);
  return value;
}

class Program {
 public:
  Program(const std::string& host, int port, const pyrpc::Options& options)
      : host_(host), port_(port), options_(options), open_(host, port, options), client_(interop(open_)) {}

  void run() {
    check("ping", [this] { return ping(); });
    check("typed call", [this] { return typed(client_); });
    check("plain name", [this] { return typed(InteropClient(open_.protocol())); });
    check("generic call", [this] { return generic(); });
    check("struct", [this] { return structs(); });
    check("text", [this] { return text(); });
    check("16 MB", [this] { return large(); });
    check("64 MiB", [this] { return larger(); });
    check("typed error", [this] { return errors(); });
    check("deadline", [this] { return deadline(); });
    check("tls", [this] { return tls(); });
    integers();
    floats();
    times_and_texts();
  }

 private:
  static InteropClient interop(const pyrpc::Connection& connection) {
    return connection.service<InteropClient>("Interop");
  }

  std::string ping() {
    pyrpc::idl::NodeInfo info;
    open_.node().ping(info);
    expect(info.protocol_version == 1, "protocol_version is ", info.protocol_version);
    return "";
  }

  std::string typed(InteropClient client) {
    const std::int64_t sum = client.add(1, 2);
    expect(sum == 3, "1 + 2 is ", sum);
    return "";
  }

  Value called(const std::string& method, const Arguments& arguments = {}, const Named& named = {}) {
    CallReply reply;
    open_.node().call(reply, method, arguments, named, open_.options());
    return reply.value;
  }

  std::string generic() {
    expect(called("Interop.add", {integer(1)}, {{"b", integer(5)}}).int_value == 6, "1 + 5 is not 6");
    const std::int64_t large = std::int64_t{1} << 40;
    expect(called("Interop.add", {integer(large), integer(1)}).int_value == large + 1, "2^40 + 1 is not 2^40 + 1");
    return "";
  }

  std::string structs() {
    Region region;
    region.x = 2;
    region.y = 3.0;
    region.__set_label("é");
    region.moods = {Mood::CALM};
    region.scores = {{"a", 0.5}};
    region.__set_pixels(pyrpc::zeros(DType::UINT8, {2, 2}));
    Region expected = region;
    expected.x = 3;
    expected.moods.push_back(Mood::LOUD);
    expected.scores["area"] = 6.0;
    expected.__set_pixels(pyrpc::tensor(std::vector<std::uint8_t>(4, 1), {{2, 2}}));
    Region grown;
    client_.grown(grown, region);
    expect(grown == expected, "it is ", grown);
    Region bare;
    bare.x = 2;
    bare.y = 3.0;
    // The same object: nothing of the call before may be left in it.
    Region& again = grown;
    client_.grown(again, bare);
    expect(again.x == 3 && !again.__isset.label && !again.__isset.pixels, "what was not set came back: ", again);
    return "";
  }

  std::string text() {
    std::string reversed;
    client_.reversed(reversed, "aé😀");
    expect(reversed == "😀éa", "it is ", reversed);
    return "";
  }

  std::string large() {
    constexpr std::int64_t kRows = 1'000'000;
    std::vector<float> elements(4 * kRows);
    for (std::size_t index = 0; index < elements.size(); ++index) elements[index] = static_cast<float>(index % 1000);
    const Tensor tensor = pyrpc::tensor(elements, {{kRows, 4}});
    const auto compare = [&](const Tensor& result) {
      expect(result.shape == pyrpc::Shape{kRows, 4}, "the shape is another");
      const std::vector<float> doubled = pyrpc::elements<float>(result);
      for (std::size_t index = 0; index < elements.size(); ++index) {
        expect(doubled[index] == 2 * elements[index], "element ", index, " is ", doubled[index]);
      }
    };
    Tensor result;
    client_.doubled(result, tensor);
    compare(result);
    CallReply reply;
    open_.node().run(reply, "Interop.doubled", {array(tensor)}, {}, kRows, open_.options());
    compare(reply.value.tensor_value);
    return "";
  }

  std::string larger() {
    std::vector<std::uint8_t> elements(std::size_t{64} << 20);
    for (std::size_t index = 0; index < elements.size(); ++index) {
      elements[index] = static_cast<std::uint8_t>(index % 251);
    }
    const Tensor tensor = pyrpc::tensor(elements);
    Tensor result;
    client_.echo(result, tensor);
    expect(pyrpc::elements<std::uint8_t>(result) == elements, "typed: other bytes came back");
    expect(called("Interop.echo", {array(tensor)}).tensor_value == tensor, "generic: other bytes came back");
    return "";
  }

  std::string errors() {
    Tensor result;
    const Tensor wrong = pyrpc::tensor(std::vector<std::int32_t>(8), {{2, 4}});
    const auto violated = thrown<RpcError>([&] { client_.doubled(result, wrong); });
    expect(violated.code == ErrorCode::CONTRACT_VIOLATED, "int32: ", violated.what());
    expect(!violated.expected.empty() && !violated.got.empty(), "it does not tell what it expected and got");
    const auto failed = thrown<RpcError>([&] { client_.fail("on purpose"); });
    expect(failed.code == ErrorCode::STAGE_FAILED && failed.remote_type == "ValueError", "fail: ", failed.what());
    expect(failed.message.find("on purpose") != std::string::npos, "the message is ", failed.message);
    return typed(client_);
  }

  double left_s(std::chrono::milliseconds remaining) {
    CallReply reply;
    open_.node().call(reply, "Interop.left_s", {}, {}, open_.options(remaining));
    return reply.value.double_value;
  }

  std::string deadline() {
    const double left = left_s(std::chrono::minutes(1));
    expect(left > 0 && left <= 60, left, " s are left of 60");
    const auto expired = thrown<RpcError>([this] { left_s(std::chrono::milliseconds(0)); });
    expect(expired.code == ErrorCode::EXPIRED, "remaining_ms=0: ", expired.what());

    pyrpc::Options options = options_;
    options.timeout = std::chrono::milliseconds(500);
    const pyrpc::Connection impatient(host_, port_, options);
    InteropClient client = interop(impatient);
    using apache::thrift::transport::TTransportException;
    const auto began = std::chrono::steady_clock::now();
    const auto late = thrown<TTransportException>([&] { client.sleep(10); });
    expect(std::chrono::steady_clock::now() - began < std::chrono::seconds(5), "it waited for too long");
    expect(late.getType() == TTransportException::TIMED_OUT, "the timeout: ", late.what());
    // The late reply must not be taken for that of another call.
    thrown<TTransportException>([&] { client.add(1, 2); });
    return "";
  }

  std::string tls() {
    using apache::thrift::transport::TTransportException;
    const int port = std::stoi(std::getenv("PYRPC_TLS_PORT"));
    pyrpc::Options options = options_;
    options.ca_file = std::getenv("PYRPC_TLS_CA");
    options.token = std::getenv("PYRPC_TLS_TOKEN");
    pyrpc::Connection secure("localhost", port, options);
    typed(interop(secure));
    CallReply reply;
    secure.node().call(reply, "Interop.add", {integer(1), integer(2)}, {}, secure.options());
    expect(reply.value.int_value == 3, "1 + 2 is ", reply.value.int_value);
    for (const char* token : {"", "guessed"}) {
      pyrpc::Options other = options;
      other.token = token;
      const auto refused = thrown<RpcError>([&] { pyrpc::Connection("localhost", port, other); });
      expect(refused.code == ErrorCode::UNAUTHENTICATED, "token ", token, ": ", refused.what());
    }
    const auto host = thrown<TTransportException>([&] { pyrpc::Connection("127.0.0.1", port, options); });
    expect(std::strstr(host.what(), "authorize") != nullptr, "by another name: ", host.what());
    options.ca_file = "/etc/ssl/certs/ca-certificates.crt";
    const auto stranger = thrown<TTransportException>([&] { pyrpc::Connection("localhost", port, options); });
    expect(std::strstr(stranger.what(), "certificate verify failed") != nullptr, "another CA: ", stranger.what());
    return "";
  }

  /// Compares the sample of a dtype with what it should be, bit for bit, and has the node do it with ours.
  void dtype(const std::string& name, const std::string& type, const Tensor& own,
             const std::function<Tensor(const Tensor&)>& remade) {
    check("dtype " + name, [&] {
      Tensor sample;
      client_.sample(sample, name);
      expect(sample == own, "it is ", sample, ", expected ", own);
      expect(client_.check(name, remade(sample)), "the node has another");
      return type;
    });
  }

  template <class T>
  void numbers(const std::string& name, const std::string& type, const std::vector<T>& elements) {
    dtype(name, "std::vector<" + type + ">", pyrpc::tensor(elements, {{2, 3}}),
          [](const Tensor& sample) { return pyrpc::tensor(pyrpc::elements<T>(sample), sample.shape); });
#ifdef __cpp_lib_span
    if constexpr (!std::is_same_v<T, bool>) {
      const Tensor own = pyrpc::tensor(std::span(elements), {{2, 3}});
      const auto view = pyrpc::view<T>(own);
      if (std::memcmp(view.data(), elements.data(), view.size_bytes()) != 0 || view.size() != elements.size()) {
        std::cout << "fail dtype " << name << ": a view has other elements" << std::endl;
      }
    }
#endif
  }

  template <class T>
  void whole(const std::string& name) {
    using Limits = std::numeric_limits<T>;
    std::vector<T> elements = {0, 1, 2};
    if (Limits::is_signed) elements = {Limits::min(), static_cast<T>(-1), 0};
    elements.insert(elements.end(), {3, static_cast<T>(Limits::max() - 1), Limits::max()});
    numbers(name, "std::" + name + "_t", elements);
  }

  void integers() {
    numbers<bool>("bool", "bool", {true, false, true, true, false, false});
    whole<std::int8_t>("int8");
    whole<std::int16_t>("int16");
    whole<std::int32_t>("int32");
    whole<std::int64_t>("int64");
    whole<std::uint8_t>("uint8");
    whole<std::uint16_t>("uint16");
    whole<std::uint32_t>("uint32");
    whole<std::uint64_t>("uint64");
  }

  void half(const std::string& name, DType::type number, const std::vector<std::uint16_t>& bits) {
    dtype(name, "std::vector<std::uint16_t>", pyrpc::half_tensor(number, bits, {{2, 3}}), [=](const Tensor& sample) {
      return pyrpc::half_tensor(number, pyrpc::elements<std::uint16_t>(sample), sample.shape);
    });
  }

  template <class T>
  void complexes(const std::string& name, const std::string& type) {
    std::vector<std::complex<T>> elements;
    // In Python -0 is 0.
    for (int index = 0; index < 6; ++index) {
      elements.emplace_back(static_cast<T>(index + 0.5), static_cast<T>(0 - index));
    }
    numbers(name, "std::complex<" + type + ">", elements);
  }

  void floats() {
    half("float16", DType::FLOAT16, {0xBE00, 0x8000, 0, 0x3800, 0x4000, 0x7C00});
    half("bfloat16", DType::BFLOAT16, {0xBFC0, 0x8000, 0, 0x3F00, 0x4000, 0x7F80});
    numbers<float>("float32", "float", {-1.5F, -0.0F, 0, 0.5F, 2, std::numeric_limits<float>::infinity()});
    numbers<double>("float64", "double", {-1.5, -0.0, 0, 0.5, 2, std::numeric_limits<double>::infinity()});
    complexes<float>("complex64", "float");
    complexes<double>("complex128", "double");
  }

  void times_and_texts() {
    const std::vector<std::int64_t> counts = {0, 1, -1, 1000, 86'400'000, std::numeric_limits<std::int64_t>::min()};
    for (const auto& [name, number, unit] :
         {std::tuple("datetime64", DType::DATETIME64, "ns"), std::tuple("timedelta64", DType::TIMEDELTA64, "ms")}) {
      const DType::type dtype_number = number;
      dtype(name, "std::vector<std::int64_t>", pyrpc::time_tensor(number, counts, unit, {{2, 3}}),
            [=](const Tensor& sample) {
              const auto elements = pyrpc::elements<std::int64_t>(sample);
              return pyrpc::time_tensor(dtype_number, elements, sample.unit, sample.shape);
            });
    }
    const std::string type = "std::vector<std::string>";
    const std::vector<std::string> bytes = {"", "a", "ab", "abc", "x", {"y\0z", 3}};
    dtype("bytes", type, pyrpc::bytes_tensor(bytes, {{2, 3}}),
          [](const Tensor& sample) { return pyrpc::bytes_tensor(pyrpc::texts(sample), sample.shape, 3); });
    dtype("unicode", type, pyrpc::unicode_tensor({"", "a", "ab", "é", "😀", "z😀"}, {{2, 3}}),
          [](const Tensor& sample) { return pyrpc::unicode_tensor(pyrpc::texts(sample), sample.shape, 2); });
    const std::vector<std::string> texts = {"", "a", "ab", "é", "😀", "longer than all the others"};
    dtype("string", type, pyrpc::tensor(texts, {{2, 3}}),
          [](const Tensor& sample) { return pyrpc::tensor(pyrpc::texts(sample), sample.shape); });
  }

  std::string host_;
  int port_;
  pyrpc::Options options_;
  pyrpc::Connection open_;
  InteropClient client_;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::invalid_argument("usage: interop HOST PORT PROTOCOL");
  pyrpc::Options options;
  options.is_compact = std::string(argv[3]) == "compact";
  Program(argv[1], std::stoi(argv[2]), options).run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
