// Calls a node that answers with anything, and says how each call ended.
#include <thrift/TApplicationException.h>
#include <thrift/protocol/TProtocolException.h>

#include <iostream>
#include <new>

#include "gen/Interop.h"
#include "pyrpc/connection.h"
#include "pyrpc/tensor.h"

namespace {

std::string outcome(interop_idl::InteropClient& client) {
  const std::vector<std::uint8_t> elements = {'a', 'b', 'c', 'd'};
  try {
    pyrpc::idl::Tensor result;
    client.echo(result, pyrpc::tensor(elements, {{2, 2}}));
    return pyrpc::elements<std::uint8_t>(result) == elements ? "ok" : "ok, but others";
  } catch (const apache::thrift::transport::TTransportException& error) {
    return std::string("refused TTransportException ") + error.what();
  } catch (const apache::thrift::protocol::TProtocolException& error) {
    return std::string("refused TProtocolException ") + error.what();
  } catch (const apache::thrift::TException& error) {
    return std::string("refused TException ") + error.what();
  } catch (const pyrpc::TensorError& error) {
    return std::string("refused TensorError ") + error.what();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  apache::thrift::GlobalOutput.setOutputFunction([](const char*) {});
  pyrpc::Options options;
  options.timeout = std::chrono::seconds(5);
  options.is_compact = std::string(argv[3]) == "compact";
  for (int index = 0; index < std::stoi(argv[4]); ++index) {
    pyrpc::Connection connection(argv[1], std::stoi(argv[2]), options);
    auto client = connection.service<interop_idl::InteropClient>("Interop");
    const std::string first = outcome(client);
    std::string line = first + " / " + outcome(client);
    // Texts of the node are anything, too.
    for (char& sign : line) sign = sign >= ' ' && sign <= '~' ? sign : '?';
    std::cout << line << std::endl;
  }
  return 0;
}
