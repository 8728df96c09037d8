// Arrays of texts: UTF-8 of any length, and the fixed widths of NumPy.
#include <algorithm>
#include <cstring>

#include "pyrpc/tensor.h"

namespace pyrpc {

using idl::DType;

namespace {

constexpr std::size_t kCharacterBytes = 4;
// What has no bytes is not bounded by the bytes that came.
constexpr std::size_t kMostWithoutBytes = std::size_t{1} << 20;

void append_little(std::string& bytes, std::uint64_t number, std::size_t width) {
  for (std::size_t index = 0; index < width; ++index) bytes += static_cast<char>(number >> (8 * index) & 0xFF);
}

std::uint64_t little(const char* bytes, std::size_t width) {
  std::uint64_t number = 0;
  for (std::size_t index = width; index-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[index]);
  return number;
}

bool is_character(std::uint32_t point) { return point < 0xD800 || (point > 0xDFFF && point <= 0x10FFFF); }

/// The characters of an UTF-8 text.
std::u32string decoded(const std::string& text) {
  std::u32string points;
  for (std::size_t index = 0; index < text.size();) {
    const auto first = static_cast<unsigned char>(text[index]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 0 || first > 0xF4 || length > text.size() - index) throw TensorError("a text that is no UTF-8");
    std::uint32_t point = length == 1 ? first : first & (0x7Fu >> length);
    for (std::size_t next = 1; next < length; ++next) {
      const auto byte = static_cast<unsigned char>(text[index + next]);
      if ((byte & 0xC0) != 0x80) throw TensorError("a text that is no UTF-8");
      point = point << 6 | (byte & 0x3Fu);
    }
    if (!is_character(point) || (length == 3 && point < 0x800) || (length == 4 && point < 0x10000)) {
      throw TensorError("a text that is no UTF-8");
    }
    points += static_cast<char32_t>(point);
    index += length;
  }
  return points;
}

void append_utf8(std::string& text, std::uint32_t point) {
  if (!is_character(point)) throw TensorError("the number " + std::to_string(point) + ", expected a character");
  if (point < 0x80) {
    text += static_cast<char>(point);
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  text += static_cast<char>((0xFF00 >> (more + 1) & 0xFF) | point >> (6 * more));
  for (int left = more; left-- > 0;) text += static_cast<char>(0x80 | (point >> (6 * left) & 0x3F));
}

template <class Text>
std::size_t widest(const std::vector<Text>& elements, std::size_t given) {
  std::size_t most = 0;
  for (const Text& element : elements) most = std::max(most, element.size());
  if (given != 0 && most > given) {
    throw TensorError("an element of " + std::to_string(most) + ", expected at most " + std::to_string(given));
  }
  return given != 0 ? given : std::max<std::size_t>(most, 1);
}

std::vector<std::string> variable(const idl::Tensor& tensor, std::size_t count) {
  constexpr std::size_t kOffsetBytes = 8;
  const std::string& data = tensor.data;
  if (data.size() / kOffsetBytes < count + 1) {
    throw TensorError(std::to_string(data.size()) + " bytes are too few for where " + std::to_string(count) +
                      " texts begin and end");
  }
  const char* characters = data.data() + kOffsetBytes * (count + 1);
  const std::size_t length = data.size() - kOffsetBytes * (count + 1);
  std::vector<std::string> texts(count);
  for (std::size_t index = 0; index < count; ++index) {
    const std::uint64_t start = little(data.data() + kOffsetBytes * index, kOffsetBytes);
    const std::uint64_t end = little(data.data() + kOffsetBytes * (index + 1), kOffsetBytes);
    if (start > end || end > length) {
      throw TensorError("text " + std::to_string(index) + " goes from " + std::to_string(start) + " to " +
                        std::to_string(end) + " of " + std::to_string(length) + " bytes");
    }
    texts[index].assign(characters + start, static_cast<std::size_t>(end - start));
  }
  return texts;
}

std::string fixed(const char* element, std::size_t width, bool is_unicode) {
  std::string text;
  if (is_unicode) {
    std::size_t end = width;
    while (end != 0 && little(element + end - kCharacterBytes, kCharacterBytes) == 0) end -= kCharacterBytes;
    for (std::size_t place = 0; place < end; place += kCharacterBytes) {
      append_utf8(text, static_cast<std::uint32_t>(little(element + place, kCharacterBytes)));
    }
    return text;
  }
  while (width != 0 && element[width - 1] == '\0') --width;
  return text.assign(element, width);
}

}  // namespace

idl::Tensor tensor(const std::vector<std::string>& texts, const std::optional<Shape>& shape) {
  idl::Tensor tensor = detail::without_data(DType::STRING, texts.size(), shape);
  std::uint64_t end = 0;
  append_little(tensor.data, end, sizeof end);
  for (const std::string& text : texts) append_little(tensor.data, end += text.size(), sizeof end);
  for (const std::string& text : texts) tensor.data += text;
  return tensor;
}

idl::Tensor bytes_tensor(const std::vector<std::string>& elements, const std::optional<Shape>& shape,
                         std::size_t itemsize) {
  idl::Tensor tensor = detail::without_data(DType::BYTES, elements.size(), shape);
  itemsize = widest(elements, itemsize);
  for (const std::string& element : elements) (tensor.data += element).append(itemsize - element.size(), '\0');
  tensor.__set_itemsize(static_cast<std::int32_t>(itemsize));
  return tensor;
}

idl::Tensor unicode_tensor(const std::vector<std::string>& texts, const std::optional<Shape>& shape,
                           std::size_t characters) {
  idl::Tensor tensor = detail::without_data(DType::UNICODE, texts.size(), shape);
  std::vector<std::u32string> decodeds(texts.size());
  std::transform(texts.begin(), texts.end(), decodeds.begin(), decoded);
  characters = widest(decodeds, characters);
  for (std::u32string& points : decodeds) {
    points.resize(characters);
    for (const char32_t point : points) append_little(tensor.data, point, kCharacterBytes);
  }
  tensor.__set_itemsize(static_cast<std::int32_t>(kCharacterBytes * characters));
  return tensor;
}

std::vector<std::string> texts(const idl::Tensor& tensor) {
  const std::size_t count = count_of(tensor.shape);
  if (tensor.dtype == DType::STRING) return variable(tensor, count);
  const bool is_unicode = tensor.dtype == DType::UNICODE;
  if (!is_unicode && tensor.dtype != DType::BYTES) detail::refuse(tensor.dtype, DType::STRING);
  if (tensor.itemsize < 0 || (is_unicode && tensor.itemsize % static_cast<int>(kCharacterBytes) != 0)) {
    throw TensorError("elements of " + std::to_string(tensor.itemsize) + " bytes, which are no " +
                      name_of(tensor.dtype));
  }
  const auto width = static_cast<std::size_t>(tensor.itemsize);
  detail::check_data(tensor, width);
  if (width == 0 && count > kMostWithoutBytes) {
    throw TensorError(std::to_string(count) + " elements without a byte, expected at most " +
                      std::to_string(kMostWithoutBytes));
  }
  std::vector<std::string> texts(count);
  for (std::size_t index = 0; index < count; ++index) {
    texts[index] = fixed(tensor.data.data() + index * width, width, is_unicode);
  }
  return texts;
}

}  // namespace pyrpc
