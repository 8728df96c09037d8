// A socket with frames: large arrays are sent from and received into their own memory.
#pragma once

#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSocket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pyrpc {

/// What a connection reads from and writes to. In place of TFramedTransport, which copies a frame twice more, goes on
/// with the next frame when a message is longer than its own, and offers a reply that came too late to the next call.
/// After a failure it is closed: nobody could tell where the next reply begins. Not thread-safe.
class FramedSocket final
    : public apache::thrift::transport::TVirtualTransport<FramedSocket, apache::thrift::transport::TBufferBase> {
 public:
  /// Takes a socket that is open. A call has so much time until its reply is there; what is written to the socket at
  /// once is no more than a slice.
  FramedSocket(std::shared_ptr<apache::thrift::transport::TSocket> socket, std::chrono::milliseconds timeout,
               std::size_t slice_bytes,
               std::shared_ptr<apache::thrift::TConfiguration> configuration);

  bool isOpen() const override { return is_open_; }
  bool peek() override { return isOpen(); }
  void close() override;
  const std::string getOrigin() const override { return socket_->getOrigin(); }

  /// Called before each message: refuses it when the one before was not written, or its reply not read, to the end.
  void begin_message();

  /// Called before each reply: reads how long it is.
  void begin_reply();

  /// Bytes of the reply that were not read yet: no part of it can be longer.
  std::uint64_t unread() const { return static_cast<std::uint64_t>(rBound_ - rBase_) + outside_; }

  /// Refuses a part of the reply that claims to be longer than what is left of it.
  void check_unread(std::uint64_t bytes);

  void flush() override;
  std::uint32_t readEnd() override;
  using TBufferBase::readAll;

 protected:
  std::uint32_t readSlow(std::uint8_t* buffer, std::uint32_t length) override;
  void writeSlow(const std::uint8_t* bytes, std::uint32_t length) override;
  const std::uint8_t* borrowSlow(std::uint8_t* buffer, std::uint32_t* length) override;

 private:
  /// Memory of the caller that goes between two parts of the buffer.
  struct Large {
    std::size_t place;
    const std::uint8_t* bytes;
    std::uint32_t length;
  };

  std::uint32_t receive(std::uint8_t* buffer, std::uint32_t length);
  void receive_all(std::uint8_t* buffer, std::uint32_t length);
  void send(const std::uint8_t* bytes, std::size_t length);
  /// Milliseconds of the call that are left; throws TTransportException if there are none.
  int left_ms() const;
  [[noreturn]] void throw_late() const;
  std::size_t written() const { return static_cast<std::size_t>(wBase_ - out_.data()); }
  void empty_out();
  [[noreturn]] void fail(const std::string& why);

  std::shared_ptr<apache::thrift::transport::TSocket> socket_;
  std::chrono::milliseconds timeout_;
  std::size_t slice_bytes_;
  std::chrono::steady_clock::time_point deadline_;
  std::vector<std::uint8_t> in_;
  std::vector<std::uint8_t> out_;
  std::vector<Large> large_;
  std::uint64_t outside_ = 0;  // bytes of the frame that are not in in_ yet
  // With TLS the socket says that it is not before the first byte is sent.
  bool is_open_ = true;
  bool is_reply_due_ = false;
  bool is_reading_ = false;
};

}  // namespace pyrpc
