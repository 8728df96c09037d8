// What arrays of all types have in common.
#include "pyrpc/tensor.h"

#include <algorithm>

namespace pyrpc {

using idl::DType;

namespace {

std::string text_of(const Shape& shape) {
  std::string text = "[";
  for (std::size_t index = 0; index < shape.size(); ++index) {
    text += (index == 0 ? "" : ", ") + std::to_string(shape[index]);
  }
  return text + "]";
}

void check_width(DType::type dtype, std::size_t width, bool is_right) {
  if (is_right) return;
  throw TensorError("elements of " + std::to_string(width) + " bytes, which are no " + name_of(dtype));
}

}  // namespace

std::size_t count_of(const Shape& shape) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t count = 1;
  // A dimension of nothing makes none of the others smaller.
  std::int64_t product = 1;
  for (const std::int64_t dim : shape) {
    if (dim < 0) throw TensorError("the shape " + text_of(shape) + ", expected dimensions from 0");
    if (dim != 0 && product > kMost / dim) throw TensorError("the shape " + text_of(shape) + " has too many elements");
    product *= std::max<std::int64_t>(dim, 1);
    count *= dim;
  }
  return static_cast<std::size_t>(count);
}

std::size_t width_of(DType::type dtype) {
  switch (static_cast<int>(dtype)) {
    case DType::BOOL:
    case DType::INT8:
    case DType::UINT8:
      return 1;
    case DType::INT16:
    case DType::UINT16:
    case DType::FLOAT16:
    case DType::BFLOAT16:
      return 2;
    case DType::INT32:
    case DType::UINT32:
    case DType::FLOAT32:
      return 4;
    case DType::INT64:
    case DType::UINT64:
    case DType::FLOAT64:
    case DType::COMPLEX64:
    case DType::DATETIME64:
    case DType::TIMEDELTA64:
      return 8;
    case DType::COMPLEX128:
      return 16;
    default:
      return 0;
  }
}

std::string name_of(DType::type dtype) {
  const auto found = idl::_DType_VALUES_TO_NAMES.find(static_cast<int>(dtype));
  return found == idl::_DType_VALUES_TO_NAMES.end() ? "dtype " + std::to_string(static_cast<int>(dtype))
                                                    : found->second;
}

idl::Tensor zeros(DType::type dtype, const Shape& shape) {
  const std::size_t count = count_of(shape);
  if (dtype == DType::STRING) return tensor(std::vector<std::string>(count), shape);
  if (dtype == DType::BYTES) return bytes_tensor(std::vector<std::string>(count), shape);
  if (dtype == DType::UNICODE) return unicode_tensor(std::vector<std::string>(count), shape);
  if (width_of(dtype) == 0) throw TensorError(name_of(dtype) + ", expected a dtype that there is");
  idl::Tensor tensor = detail::without_data(dtype, count, shape);
  tensor.data.assign(count * width_of(dtype), '\0');
  if (dtype == DType::DATETIME64 || dtype == DType::TIMEDELTA64) tensor.__set_unit("ns");
  return tensor;
}

idl::Tensor tensor(const std::vector<bool>& elements, const std::optional<Shape>& shape) {
  idl::Tensor tensor = detail::without_data(DType::BOOL, elements.size(), shape);
  tensor.data.assign(elements.begin(), elements.end());
  return tensor;
}

idl::Tensor half_tensor(DType::type dtype, const std::vector<std::uint16_t>& bits, const std::optional<Shape>& shape) {
  check_width(dtype, sizeof(std::uint16_t), dtype == DType::FLOAT16 || dtype == DType::BFLOAT16);
  return detail::made(dtype, bits.data(), bits.size(), shape);
}

idl::Tensor time_tensor(DType::type dtype, const std::vector<std::int64_t>& counts, const std::string& unit,
                        const std::optional<Shape>& shape) {
  check_width(dtype, sizeof(std::int64_t), dtype == DType::DATETIME64 || dtype == DType::TIMEDELTA64);
  idl::Tensor tensor = detail::made(dtype, counts.data(), counts.size(), shape);
  tensor.__set_unit(unit);
  return tensor;
}

namespace detail {

void to_little_endian(char* bytes, std::size_t length, std::size_t part_bytes) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  for (std::size_t start = 0; start + part_bytes <= length; start += part_bytes) {
    std::reverse(bytes + start, bytes + start + part_bytes);
  }
#else
  static_cast<void>(bytes);
  static_cast<void>(length);
  static_cast<void>(part_bytes);
#endif
}

idl::Tensor without_data(DType::type dtype, std::size_t count, const std::optional<Shape>& shape) {
  idl::Tensor tensor;
  tensor.dtype = dtype;
  tensor.shape = shape ? *shape : Shape{static_cast<std::int64_t>(count)};
  const std::size_t expected = count_of(tensor.shape);
  if (expected != count) {
    throw TensorError("the shape " + text_of(tensor.shape) + " has " + std::to_string(expected) + " elements, got " +
                      std::to_string(count));
  }
  return tensor;
}

void check_data(const idl::Tensor& tensor, std::size_t width) {
  const std::size_t count = count_of(tensor.shape);
  const std::size_t bytes = tensor.data.size();
  if (width == 0 ? bytes != 0 : bytes % width != 0 || bytes / width != count) {
    throw TensorError("the shape " + text_of(tensor.shape) + ", expected " + std::to_string(count) + " elements of " +
                      std::to_string(width) + " bytes (" + name_of(tensor.dtype) + "), got " + std::to_string(bytes) +
                      " bytes");
  }
}

void refuse(DType::type got, DType::type expected) {
  throw TensorError("the tensor holds " + name_of(got) + ", expected " + name_of(expected));
}

}  // namespace detail

}  // namespace pyrpc
