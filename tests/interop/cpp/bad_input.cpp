// Gives the library what it has to refuse, and prints what it did not refuse as it should.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <limits>

#include "pyrpc/connection.h"
#include "pyrpc/tensor.h"

using pyrpc::idl::DType;
using pyrpc::idl::Tensor;

namespace {

template <class Error = pyrpc::TensorError>
void refused(const std::string& message, const std::function<void()>& run) {
  try {
    run();
    std::cout << "taken: " << message << '\n';
  } catch (const Error& error) {
    if (error.what() != message) std::cout << error.what() << "; expected " << message << '\n';
  } catch (const std::exception& error) {
    std::cout << "another class: " << error.what() << "; expected " << message << '\n';
  }
}

void expect(bool is_right, const std::string& what) {
  if (!is_right) std::cout << what << '\n';
}

Tensor raw(int dtype, const pyrpc::Shape& shape, const std::string& data, int itemsize = 0) {
  Tensor tensor;
  tensor.dtype = static_cast<DType::type>(dtype);
  tensor.shape = shape;
  tensor.data = data;
  tensor.itemsize = itemsize;
  return tensor;
}

std::string little(std::initializer_list<std::int64_t> numbers) {
  return pyrpc::tensor(std::vector<std::int64_t>(numbers)).data;
}

void made() {
  const std::vector<std::int8_t> five(5);
  refused("the shape [2, 3] has 6 elements, got 5", [&] { pyrpc::tensor(five, {{2, 3}}); });
  refused("the shape [-1], expected dimensions from 0", [&] { pyrpc::tensor(five, {{-1}}); });
  const std::int64_t large = std::int64_t{1} << 32;
  refused("the shape [4294967296, 4294967296] has too many elements", [&] { pyrpc::zeros(DType::INT8, {large, large}); });
  refused("the shape [4294967296, 4294967296, 0] has too many elements",
          [&] { pyrpc::zeros(DType::INT8, {large, large, 0}); });
  refused("dtype 99, expected a dtype that there is", [] { pyrpc::zeros(static_cast<DType::type>(99), {1}); });
  refused("elements of 2 bytes, which are no FLOAT32", [] { pyrpc::half_tensor(DType::FLOAT32, {1}); });
  refused("elements of 8 bytes, which are no INT64", [] { pyrpc::time_tensor(DType::INT64, {1}, "s"); });
  refused("an element of 3, expected at most 2", [] { pyrpc::bytes_tensor({"abc"}, std::nullopt, 2); });
  for (const char* text : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80", "a\x80"}) {
    refused("a text that is no UTF-8", [&] { pyrpc::unicode_tensor({text}); });
  }
}

void read() {
  refused("the tensor holds INT16, expected FLOAT32", [] { pyrpc::elements<float>(pyrpc::zeros(DType::INT16, {2})); });
  refused("the tensor holds FLOAT16, expected INT16", [] { pyrpc::elements<short>(pyrpc::zeros(DType::FLOAT16, {2})); });
  refused("the tensor holds dtype 99, expected INT8", [] { pyrpc::elements<std::int8_t>(raw(99, {1}, "a")); });
  refused("the shape [2], expected 2 elements of 4 bytes (INT32), got 7 bytes",
          [] { pyrpc::elements<int>(raw(DType::INT32, {2}, "1234567")); });
  refused("the shape [3], expected 3 elements of 4 bytes (INT32), got 8 bytes",
          [] { pyrpc::elements<int>(raw(DType::INT32, {3}, "12345678")); });
  refused("the shape [-2], expected dimensions from 0",
          [] { pyrpc::elements<int>(raw(DType::INT32, {-2}, "12345678")); });
  const std::int64_t large = std::int64_t{1} << 32;
  refused("the shape [4294967296, 4294967296] has too many elements",
          [&] { pyrpc::elements<int>(raw(DType::INT32, {large, large}, "")); });
  refused("the tensor holds INT8, expected STRING", [] { pyrpc::texts(pyrpc::zeros(DType::INT8, {1})); });
  refused("elements of -1 bytes, which are no BYTES", [] { pyrpc::texts(raw(DType::BYTES, {2}, "ab", -1)); });
  refused("elements of 3 bytes, which are no UNICODE", [] { pyrpc::texts(raw(DType::UNICODE, {1}, "abc", 3)); });
  refused("the shape [2], expected 2 elements of 4 bytes (UNICODE), got 4 bytes",
          [] { pyrpc::texts(raw(DType::UNICODE, {2}, "abcd", 4)); });
  refused("1099511627776 elements without a byte, expected at most 1048576",
          [] { pyrpc::texts(raw(DType::BYTES, {std::int64_t{1} << 40}, "", 0)); });
  refused("the number 4294967295, expected a character",
          [] { pyrpc::texts(raw(DType::UNICODE, {1}, "\xff\xff\xff\xff", 4)); });
  refused("8 bytes are too few for where 1 texts begin and end",
          [] { pyrpc::texts(raw(DType::STRING, {1}, std::string(8, '\0'))); });
  refused("text 0 goes from 0 to 9 of 2 bytes", [] { pyrpc::texts(raw(DType::STRING, {1}, little({0, 9}) + "ab")); });
  refused("text 0 goes from 2 to 1 of 2 bytes", [] { pyrpc::texts(raw(DType::STRING, {1}, little({2, 1}) + "ab")); });
}

void kept() {
  using Doubles = std::vector<double>;
  for (const pyrpc::Shape& shape : {pyrpc::Shape{}, pyrpc::Shape{0, 3}, pyrpc::Shape{2, 0}}) {
    const Tensor tensor = pyrpc::zeros(DType::FLOAT64, shape);
    const Doubles elements = pyrpc::elements<double>(tensor);
    expect(tensor.shape == shape && elements.size() == pyrpc::count_of(shape), "a shape changed");
    expect(pyrpc::tensor(elements, shape) == tensor, "an array changed");
    expect(pyrpc::texts(pyrpc::zeros(DType::UNICODE, shape)).size() == elements.size(), "texts of a shape changed");
    expect(pyrpc::texts(pyrpc::zeros(DType::STRING, shape)).size() == elements.size(), "texts of a shape changed");
  }
  const std::string bits("\5\0\0\0\0\0\xf8\x7f\1\0\0\0\0\0\0\x80\0\0\x80\xff\xff\x7f\x7f\x7f", 24);
  const auto doubles = pyrpc::elements<double>(raw(DType::FLOAT64, {3}, bits));
  expect(pyrpc::tensor(doubles).data == bits, "the bits of float64 changed");
  const auto floats = pyrpc::elements<float>(raw(DType::FLOAT32, {6}, bits));
  expect(pyrpc::tensor(floats).data == bits, "the bits of float32 changed");
  expect(pyrpc::elements<long long>(pyrpc::zeros(DType::INT64, {2})).size() == 2, "long long is no int64");
  // What is no bool of C++ becomes one.
  expect(pyrpc::elements<bool>(raw(DType::BOOL, {2}, "\x02\xff")) == std::vector<bool>{true, true}, "a bool is none");
}

/// A port that nobody listens on.
int free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  bind(listener, reinterpret_cast<sockaddr*>(&address), length);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  close(listener);
  return ntohs(address.sin_port);
}

void connected() {
  pyrpc::Options options;
  options.max_frame_bytes = 0;
  refused<std::invalid_argument>("max_frame_bytes is 0, expected 1 to 1073741823",
                                 [&] { pyrpc::Connection("::1", 1, options); });
  options = {};
  options.timeout = std::chrono::milliseconds(0);
  refused<std::invalid_argument>("timeout is 0 ms, expected 1 to 2147483647",
                                 [&] { pyrpc::Connection("::1", 1, options); });
  const int port = free_port();
  try {
    pyrpc::Connection("127.0.0.1", port);
    std::cout << "connected to nobody\n";
  } catch (const apache::thrift::transport::TTransportException& error) {
    const std::string expected = "no connection to the node 127.0.0.1:" + std::to_string(port) + ": ";
    expect(std::string(error.what()).find(expected) == 0, error.what());
    expect(error.getType() == error.NOT_OPEN, "the type is another");
  }
}

}  // namespace

int main() {
  apache::thrift::GlobalOutput.setOutputFunction([](const char*) {});
  made();
  read();
  kept();
  connected();
  std::cout << "done" << std::endl;
  return 0;
}
