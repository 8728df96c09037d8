// The two protocols, with bounds for what a reply may claim.
#pragma once

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/protocol/TProtocolException.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "pyrpc/framed_socket.h"

namespace pyrpc {

/// Lists of a reply have at most so many items, as those of a call.
constexpr std::int32_t kMaxItems = 1'000'000;

/// A protocol that believes nothing of a reply that is not there: Thrift's own take memory for as many structs as a
/// list claims to have.
template <class Protocol>
class Bounded : public Protocol {
 public:
  template <class... Arguments>
  explicit Bounded(std::shared_ptr<FramedSocket> socket, Arguments... arguments)
      : Protocol(socket, arguments...), socket_(std::move(socket)) {}

  std::uint32_t writeMessageBegin_virt(const std::string& name, const apache::thrift::protocol::TMessageType type,
                                       const std::int32_t seqid) override {
    socket_->begin_message();
    return Protocol::writeMessageBegin_virt(name, type, seqid);
  }

  std::uint32_t readMessageBegin_virt(std::string& name, apache::thrift::protocol::TMessageType& type,
                                      std::int32_t& seqid) override {
    socket_->begin_reply();
    // For the name, and what is skipped: those do not come by the functions below. No frame has 2 GiB.
    this->string_limit_ = static_cast<std::int32_t>(socket_->unread());
    return Protocol::readMessageBegin_virt(name, type, seqid);
  }

  std::uint32_t readListBegin_virt(apache::thrift::protocol::TType& type, std::uint32_t& size) override {
    const std::uint32_t length = Protocol::readListBegin_virt(type, size);
    socket_->check_unread(size);
    return length;
  }

  std::uint32_t readString_virt(std::string& text) override { return readBinary_virt(text); }

  /// Reads a text or an array where it stays, without a buffer between.
  std::uint32_t readBinary_virt(std::string& bytes) override {
    using apache::thrift::protocol::TProtocolException;
    std::int32_t size = 0;
    const std::uint32_t length = read_size(size);
    if (size < 0) throw TProtocolException(TProtocolException::NEGATIVE_SIZE);
    socket_->check_unread(static_cast<std::uint64_t>(size));
    bytes.resize(static_cast<std::size_t>(size));
    if (size != 0) socket_->readAll(reinterpret_cast<std::uint8_t*>(&bytes[0]), static_cast<std::uint32_t>(size));
    return length + static_cast<std::uint32_t>(size);
  }

 private:
  virtual std::uint32_t read_size(std::int32_t& size) = 0;

  std::shared_ptr<FramedSocket> socket_;
};

/// The binary protocol, which must tell that it is.
class BinaryProtocol final : public Bounded<apache::thrift::protocol::TBinaryProtocolT<FramedSocket>> {
 public:
  explicit BinaryProtocol(std::shared_ptr<FramedSocket> socket)
      : Bounded(std::move(socket), 0, kMaxItems, true, true) {}

 private:
  std::uint32_t read_size(std::int32_t& size) override { return readI32(size); }
};

/// The compact protocol.
class CompactProtocol final : public Bounded<apache::thrift::protocol::TCompactProtocolT<FramedSocket>> {
 public:
  explicit CompactProtocol(std::shared_ptr<FramedSocket> socket) : Bounded(std::move(socket), 0, kMaxItems) {}

 private:
  std::uint32_t read_size(std::int32_t& size) override { return readVarint32(size); }
};

}  // namespace pyrpc
