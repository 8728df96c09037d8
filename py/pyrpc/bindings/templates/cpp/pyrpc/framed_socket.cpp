// How frames are read and written.
#include "pyrpc/framed_socket.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pyrpc {

using apache::thrift::transport::TTransportException;

namespace {

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kBufferBytes = 64 * 1024;
// What is shorter is copied, so that it goes out with what stands around it.
constexpr std::uint32_t kLargeBytes = 16 * 1024;

}  // namespace

FramedSocket::FramedSocket(std::shared_ptr<apache::thrift::transport::TSocket> socket,
                           std::chrono::milliseconds timeout, std::size_t slice_bytes,
                           std::shared_ptr<apache::thrift::TConfiguration> configuration)
    : TVirtualTransport(std::move(configuration)),
      socket_(std::move(socket)),
      timeout_(timeout),
      slice_bytes_(slice_bytes),
      in_(kBufferBytes),
      out_(kBufferBytes) {
  setReadBuffer(in_.data(), 0);
  empty_out();
}

void FramedSocket::close() {
  is_open_ = false;
  socket_->close();
}

void FramedSocket::begin_message() {
  if (is_reading_) fail("the last reply was not understood; open a new connection");
  if (written() != kHeaderBytes) fail("the last message was not written to its end; open a new connection");
  if (!isOpen()) throw TTransportException(TTransportException::NOT_OPEN, "the connection is closed; open a new one");
}

void FramedSocket::check_unread(std::uint64_t bytes) {
  if (bytes > unread()) {
    fail("a part of " + std::to_string(bytes) + " bytes in a reply that has " + std::to_string(unread()) + " left");
  }
}

void FramedSocket::flush() {
  std::uint64_t length = written() - kHeaderBytes;
  for (const Large& large : large_) length += large.length;
  if (length > static_cast<std::uint64_t>(getMaxMessageSize())) {
    empty_out();
    throw TTransportException(TTransportException::BAD_ARGS, "the call has " + std::to_string(length) +
                                                                 " bytes, expected at most " +
                                                                 std::to_string(getMaxMessageSize()));
  }
  for (std::size_t index = 0; index < kHeaderBytes; ++index) {
    out_[index] = static_cast<std::uint8_t>(length >> (8 * (kHeaderBytes - 1 - index)));
  }
  deadline_ = std::chrono::steady_clock::now() + timeout_;
  std::size_t sent = 0;
  for (const Large& large : large_) {
    send(out_.data() + sent, large.place - sent);
    send(large.bytes, large.length);
    sent = large.place;
  }
  send(out_.data() + sent, written() - sent);
  empty_out();
  is_reply_due_ = true;
}

std::uint32_t FramedSocket::readEnd() {
  if (unread() != 0) fail(std::to_string(unread()) + " bytes after the reply");
  is_reading_ = false;
  is_reply_due_ = false;
  return 0;
}

std::uint32_t FramedSocket::readSlow(std::uint8_t* buffer, std::uint32_t length) {
  if (!is_reading_) begin_reply();
  if (rBase_ == rBound_) {
    if (outside_ == 0) fail("the reply is longer than its frame");
    if (length >= in_.size()) return receive(buffer, length);
    setReadBuffer(in_.data(), receive(in_.data(), static_cast<std::uint32_t>(in_.size())));
  }
  length = std::min(length, static_cast<std::uint32_t>(rBound_ - rBase_));
  std::memcpy(buffer, rBase_, length);
  rBase_ += length;
  return length;
}

const std::uint8_t* FramedSocket::borrowSlow(std::uint8_t* /*buffer*/, std::uint32_t* /*length*/) {
  return nullptr;  // who cannot borrow reads
}

void FramedSocket::writeSlow(const std::uint8_t* bytes, std::uint32_t length) {
  const std::size_t place = written();
  if (length >= kLargeBytes) {
    // The arguments of a call stay where they are until it is flushed.
    large_.push_back({place, bytes, length});
    return;
  }
  out_.resize(std::max(2 * out_.size(), place + length));
  std::memcpy(out_.data() + place, bytes, length);
  setWriteBuffer(out_.data(), static_cast<std::uint32_t>(out_.size()));
  wBase_ += place + length;
}

void FramedSocket::begin_reply() {
  if (is_reading_ || !is_reply_due_) fail("the reply is not that of the call");
  std::uint8_t header[kHeaderBytes];
  is_reading_ = true;
  receive_all(header, kHeaderBytes);
  std::uint32_t length = 0;
  for (const std::uint8_t byte : header) length = length << 8 | byte;
  if (length > static_cast<std::uint32_t>(configuration_->getMaxFrameSize())) {
    fail("a reply of " + std::to_string(length) + " bytes, expected at most " +
         std::to_string(configuration_->getMaxFrameSize()));
  }
  setReadBuffer(in_.data(), 0);
  outside_ = length;
  resetConsumedMessageSize();
}

std::uint32_t FramedSocket::receive(std::uint8_t* buffer, std::uint32_t length) {
  length = static_cast<std::uint32_t>(std::min<std::uint64_t>({length, outside_, slice_bytes_}));
  try {
    socket_->setRecvTimeout(left_ms());
    const std::uint32_t received = socket_->read(buffer, length);
    if (received == 0) fail("the node closed the connection");
    outside_ -= received;
    return received;
  } catch (const TTransportException& error) {
    // What comes later would be taken for the reply to the next call.
    close();
    if (error.getType() == TTransportException::TIMED_OUT) throw_late();
    throw;
  }
}

void FramedSocket::receive_all(std::uint8_t* buffer, std::uint32_t length) {
  for (outside_ = length; outside_ != 0;) {
    buffer += receive(buffer, static_cast<std::uint32_t>(outside_));
  }
}

void FramedSocket::send(const std::uint8_t* bytes, std::size_t length) {
  try {
    while (length != 0) {
      socket_->setSendTimeout(left_ms());
      const std::uint32_t sent =
          socket_->write_partial(bytes, static_cast<std::uint32_t>(std::min(length, slice_bytes_)));
      bytes += sent;
      length -= sent;
    }
  } catch (const TTransportException&) {
    close();
    empty_out();
    throw;
  }
}

int FramedSocket::left_ms() const {
  const auto left = deadline_ - std::chrono::steady_clock::now();
  const auto left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  if (left_ms <= 0) throw_late();
  return static_cast<int>(left_ms);
}

void FramedSocket::throw_late() const {
  throw TTransportException(TTransportException::TIMED_OUT,
                            "the call did not end within " + std::to_string(timeout_.count()) + " ms");
}

void FramedSocket::empty_out() {
  large_.clear();
  if (out_.size() > 16 * kBufferBytes) std::vector<std::uint8_t>(kBufferBytes).swap(out_);
  setWriteBuffer(out_.data(), static_cast<std::uint32_t>(out_.size()));
  wBase_ += kHeaderBytes;
}

void FramedSocket::fail(const std::string& why) {
  const std::string node = getOrigin();
  close();
  is_reading_ = false;
  is_reply_due_ = false;
  empty_out();
  throw TTransportException(TTransportException::CORRUPTED_DATA, node + ": " + why);
}

}  // namespace pyrpc
