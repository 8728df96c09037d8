// Connections to a node, with limits that suit arrays.
#pragma once

#include <thrift/protocol/TMultiplexedProtocol.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gen/Node.h"

/// Calls the nodes of pyrpc: connections, and arrays of vectors.
namespace pyrpc {

class FramedSocket;

/// The largest frame that a Thrift library can be made to take.
constexpr std::int32_t kMaxFrameBytes = 0x3FFFFFFF;

/// Of a connection; the defaults suit most.
struct Options {
  /// Of connecting, and of each call until all of its reply is there.
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  /// Speaks the compact protocol in place of the binary one.
  bool is_compact = false;
  /// The largest reply to take.
  std::int32_t max_frame_bytes = kMaxFrameBytes;
  /// For nodes that ask for one.
  std::string token;
  /// CAs that the node's certificate is checked with, as PEM; not empty: the connection speaks TLS.
  std::string ca_file;
  /// Certificate and key of the caller, for nodes that ask for them.
  std::string cert_file;
  std::string key_file;
};

/// Open to one node. It carries one call at a time: have one for each thread. After a TTransportException or a
/// TProtocolException it is closed; make a new one.
class Connection {
 public:
  /// Connects, and tells the node how large replies may be, and the token.
  ///
  /// Throws std::invalid_argument for an option that is none, TTransportException where no node answers, or none that
  /// the CA knows by the name of the host, and idl::RpcError where it refuses the token.
  Connection(const std::string& host, int port, const Options& options = {});

  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) noexcept = default;

  /// The generic API: any stage, with values. Valid as long as the connection is.
  idl::NodeClient& node() { return *node_; }

  /// The client of one service: service<VisionClient>("Vision").
  template <class Client>
  Client service(const std::string& name) const {
    return Client(protocol_, std::make_shared<apache::thrift::protocol::TMultiplexedProtocol>(protocol_, name));
  }

  /// What clients of plain names are made with: VisionClient(connection.protocol()).
  std::shared_ptr<apache::thrift::protocol::TProtocol> protocol() const { return protocol_; }

  /// For a call of the generic API: the limits of the connection, and the time that is left, if there is a deadline.
  idl::CallOptions options(std::optional<std::chrono::milliseconds> remaining = std::nullopt) const;

  /// Ends it; the destructor does, too, once no client has it any more.
  void close();

 private:
  std::shared_ptr<void> tls_;
  std::shared_ptr<FramedSocket> socket_;
  std::shared_ptr<apache::thrift::protocol::TProtocol> protocol_;
  std::unique_ptr<idl::NodeClient> node_;
  idl::CallOptions options_;
};

}  // namespace pyrpc
