// How a connection is made.
#include "pyrpc/connection.h"

#include <thrift/TConfiguration.h>
#include <thrift/transport/TSSLSocket.h>
#include <thrift/transport/TTransportException.h>

#include <limits>
#include <stdexcept>

#include "pyrpc/protocols.h"

namespace pyrpc {

using apache::thrift::TConfiguration;
using apache::thrift::transport::TSocket;
using apache::thrift::transport::TSSLSocketFactory;
using apache::thrift::transport::TTransportException;

namespace {

// Values may lie in each other as deep as a node takes them, and lie in structs themselves.
constexpr int kNesting = 128;

// Larger ones cost the system more than they save.
constexpr std::size_t kSliceBytes = 1024 * 1024;
// What TLS makes one record of, each of which may wait as long as a call.
constexpr std::size_t kRecordBytes = 16 * 1024;

void check(const Options& options) {
  if (options.max_frame_bytes < 1 || options.max_frame_bytes > kMaxFrameBytes) {
    throw std::invalid_argument("max_frame_bytes is " + std::to_string(options.max_frame_bytes) + ", expected 1 to " +
                                std::to_string(kMaxFrameBytes));
  }
  const auto timeout_ms = options.timeout.count();
  if (timeout_ms < 1 || timeout_ms > std::numeric_limits<int>::max()) {
    throw std::invalid_argument("timeout is " + std::to_string(timeout_ms) + " ms, expected 1 to " +
                                std::to_string(std::numeric_limits<int>::max()));
  }
}

std::shared_ptr<TSSLSocketFactory> secure(const Options& options) {
  if (options.ca_file.empty()) return nullptr;
  auto factory = std::make_shared<TSSLSocketFactory>(apache::thrift::transport::LATEST);
  // The certificate has to be of the host, too, which is Thrift's default for clients.
  factory->authenticate(true);
  factory->loadTrustedCertificates(options.ca_file.c_str());
  if (!options.cert_file.empty()) factory->loadCertificate(options.cert_file.c_str());
  if (!options.key_file.empty()) factory->loadPrivateKey(options.key_file.c_str());
  return factory;
}

std::shared_ptr<FramedSocket> opened(const std::string& host, int port, const Options& options,
                                     TSSLSocketFactory* factory) {
  // What is sent may be larger than what is taken: the node says how large.
  auto configuration = std::make_shared<TConfiguration>(kMaxFrameBytes, options.max_frame_bytes, kNesting);
  std::shared_ptr<TSocket> socket;
  if (factory != nullptr) {
    socket = factory->createSocket(host, port);
  } else {
    socket = std::make_shared<TSocket>(host, port, configuration);
  }
  const int timeout_ms = static_cast<int>(options.timeout.count());
  socket->setConnTimeout(timeout_ms);
  socket->setRecvTimeout(timeout_ms);
  socket->setSendTimeout(timeout_ms);
  try {
    socket->open();
  } catch (const TTransportException& error) {
    throw TTransportException(error.getType(), "no connection to the node " + host + ":" + std::to_string(port) + ": " +
                                                   error.what());
  }
  const std::size_t slice_bytes = factory != nullptr ? kRecordBytes : kSliceBytes;
  return std::make_shared<FramedSocket>(std::move(socket), options.timeout, slice_bytes, std::move(configuration));
}

}  // namespace

Connection::Connection(const std::string& host, int port, const Options& options) {
  check(options);
  const auto factory = secure(options);
  socket_ = opened(host, port, options, factory.get());
  // OpenSSL is there as long as a factory is.
  tls_ = factory;
  if (options.is_compact) {
    protocol_ = std::make_shared<CompactProtocol>(socket_);
  } else {
    protocol_ = std::make_shared<BinaryProtocol>(socket_);
  }
  node_ = std::make_unique<idl::NodeClient>(protocol_);
  options_.__set_max_frame_bytes(options.max_frame_bytes);
  if (!options.token.empty()) options_.__set_token(options.token);
  // Typed calls have no options: a node takes those that the connection has shown.
  node_->release(idl::Ref(), options_);
}

idl::CallOptions Connection::options(std::optional<std::chrono::milliseconds> remaining) const {
  idl::CallOptions options = options_;
  if (remaining) options.__set_remaining_ms(remaining->count());
  return options;
}

void Connection::close() { socket_->close(); }

}  // namespace pyrpc
