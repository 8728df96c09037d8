// Tensors of vectors and spans, and back.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_span
#include <span>
#endif
#if defined(__STDCPP_FLOAT16_T__) || defined(__STDCPP_BFLOAT16_T__)
#include <stdfloat>
#endif

#include "gen/pyrpc_types.h"

namespace pyrpc {

/// Dimensions, rows first; {} is one element without dimensions.
using Shape = std::vector<std::int64_t>;

/// An array that is none, or not what it is taken for; what() tells what was expected, and what was there.
class TensorError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Product of the dimensions. Throws TensorError for negative ones, and for a product that no memory holds.
std::size_t count_of(const Shape& shape);

/// Bytes of an element; 0: of texts, they differ.
std::size_t width_of(idl::DType::type dtype);

/// As NumPy has it, in capitals: "FLOAT32".
std::string name_of(idl::DType::type dtype);

/// Zeros, or empty texts, of any dtype.
idl::Tensor zeros(idl::DType::type dtype, const Shape& shape);

namespace detail {

template <class T>
struct IsComplex : std::false_type {};
template <class T>
struct IsComplex<std::complex<T>> : std::true_type {};

template <class T>
constexpr bool kIsCharacter = std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char16_t> ||
                              std::is_same_v<T, char32_t>;

/// What an element type of C++ is; by its properties, since long and long long are both int64_t somewhere.
template <class T>
constexpr std::optional<idl::DType::type> dtype_of() {
  using idl::DType;
  if constexpr (std::is_same_v<T, bool>) {
    return DType::BOOL;
  } else if constexpr (std::is_integral_v<T> && !kIsCharacter<T>) {
    constexpr bool is_signed = std::is_signed_v<T>;
    switch (sizeof(T)) {
      case 1:
        return is_signed ? DType::INT8 : DType::UINT8;
      case 2:
        return is_signed ? DType::INT16 : DType::UINT16;
      case 4:
        return is_signed ? DType::INT32 : DType::UINT32;
      case 8:
        return is_signed ? DType::INT64 : DType::UINT64;
      default:
        return std::nullopt;
    }
  } else if constexpr (std::is_same_v<T, float>) {
    return DType::FLOAT32;
  } else if constexpr (std::is_same_v<T, double>) {
    return DType::FLOAT64;
  } else if constexpr (std::is_same_v<T, std::complex<float>>) {
    return DType::COMPLEX64;
  } else if constexpr (std::is_same_v<T, std::complex<double>>) {
    return DType::COMPLEX128;
#ifdef __STDCPP_FLOAT16_T__
  } else if constexpr (std::is_same_v<T, std::float16_t>) {
    return DType::FLOAT16;
#endif
#ifdef __STDCPP_BFLOAT16_T__
  } else if constexpr (std::is_same_v<T, std::bfloat16_t>) {
    return DType::BFLOAT16;
#endif
  } else {
    return std::nullopt;
  }
}

/// Whether elements of a dtype that C++ has no type for are elements of this type: bits of float16 and bfloat16 are
/// uint16_t, counts of dates int64_t.
template <class T>
constexpr bool is_bits(idl::DType::type dtype) {
  using idl::DType;
  constexpr auto own = dtype_of<T>();
  return (own == DType::UINT16 && (dtype == DType::FLOAT16 || dtype == DType::BFLOAT16)) ||
         (own == DType::INT64 && (dtype == DType::DATETIME64 || dtype == DType::TIMEDELTA64));
}

/// Bytes of one number: a complex one is two.
template <class T>
constexpr std::size_t part_bytes() {
  return IsComplex<T>::value ? sizeof(T) / 2 : sizeof(T);
}

/// Turns numbers into little endian, or back, where the machine is not.
void to_little_endian(char* bytes, std::size_t length, std::size_t part_bytes);

/// A tensor without elements yet; throws TensorError unless the shape has so many.
idl::Tensor without_data(idl::DType::type dtype, std::size_t count, const std::optional<Shape>& shape);

/// Throws TensorError unless the data is so many elements of the width.
void check_data(const idl::Tensor& tensor, std::size_t width);

/// Throws TensorError: the tensor is no array of what was asked for.
[[noreturn]] void refuse(idl::DType::type got, idl::DType::type expected);

template <class T>
void check_type(const idl::Tensor& tensor) {
  static_assert(dtype_of<T>().has_value(), "no dtype has elements of this type; texts have functions of their own");
  if (tensor.dtype != *dtype_of<T>() && !is_bits<T>(tensor.dtype)) refuse(tensor.dtype, *dtype_of<T>());
  check_data(tensor, sizeof(T));
}

template <class T>
idl::Tensor made(idl::DType::type dtype, const T* elements, std::size_t count, const std::optional<Shape>& shape) {
  idl::Tensor tensor = without_data(dtype, count, shape);
  if (count != 0) tensor.data.assign(reinterpret_cast<const char*>(elements), count * sizeof(T));
  to_little_endian(&tensor.data[0], tensor.data.size(), part_bytes<T>());
  return tensor;
}

}  // namespace detail

/// An array with a copy of so many elements, in C order; without a shape it has one dimension.
/// Throws TensorError where the shape has another number of elements.
template <class T>
idl::Tensor tensor(const T* elements, std::size_t count, const std::optional<Shape>& shape = std::nullopt) {
  static_assert(detail::dtype_of<T>().has_value(), "no dtype has elements of this type");
  return detail::made(*detail::dtype_of<T>(), elements, count, shape);
}

/// The same of a vector.
template <class T>
idl::Tensor tensor(const std::vector<T>& elements, const std::optional<Shape>& shape = std::nullopt) {
  return tensor(elements.data(), elements.size(), shape);
}

/// The same of a vector of bool, which has no memory of its elements.
idl::Tensor tensor(const std::vector<bool>& elements, const std::optional<Shape>& shape = std::nullopt);

#ifdef __cpp_lib_span
/// The same of a span.
template <class T, std::size_t Extent>
idl::Tensor tensor(std::span<T, Extent> elements, const std::optional<Shape>& shape = std::nullopt) {
  return tensor(elements.data(), elements.size(), shape);
}
#endif

/// An array of a dtype that C++ has no type of its own for: FLOAT16 and BFLOAT16 of the bits as uint16_t.
idl::Tensor half_tensor(idl::DType::type dtype, const std::vector<std::uint16_t>& bits,
                        const std::optional<Shape>& shape = std::nullopt);

/// DATETIME64 (since 1970) or TIMEDELTA64 of counts of a unit, such as "ms"; the lowest int64_t is NaT.
idl::Tensor time_tensor(idl::DType::type dtype, const std::vector<std::int64_t>& counts, const std::string& unit,
                        const std::optional<Shape>& shape = std::nullopt);

/// A copy of the elements, in C order. Of FLOAT16 and BFLOAT16 as uint16_t, of dates as int64_t.
/// Throws TensorError where the dtype is another, or the bytes are not what the shape says.
template <class T>
std::vector<T> elements(const idl::Tensor& tensor) {
  detail::check_type<T>(tensor);
  if constexpr (std::is_same_v<T, bool>) {
    std::vector<bool> flags(tensor.data.size());
    for (std::size_t index = 0; index < flags.size(); ++index) flags[index] = tensor.data[index] != 0;
    return flags;
  } else {
    std::vector<T> copied(tensor.data.size() / sizeof(T));
    if (!copied.empty()) {
      std::memcpy(static_cast<void*>(copied.data()), tensor.data.data(), tensor.data.size());
      detail::to_little_endian(reinterpret_cast<char*>(copied.data()), tensor.data.size(), detail::part_bytes<T>());
    }
    return copied;
  }
}

#if defined(__cpp_lib_span) && (!defined(__BYTE_ORDER__) || __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
/// The elements where they are, without a copy: valid as long as the tensor is there and not changed.
/// Not for bool, of which a node could send others than true and false. Throws TensorError as elements() does.
template <class T>
std::span<const T> view(const idl::Tensor& tensor) {
  static_assert(!std::is_same_v<T, bool>, "use elements<bool>, or view a copy");
  detail::check_type<T>(tensor);
  const char* data = tensor.data.data();
  if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) != 0) {
    throw TensorError("a small array without the alignment of its type, expected one to copy: use elements()");
  }
  return {reinterpret_cast<const T*>(data), tensor.data.size() / sizeof(T)};
}
#endif

/// An array of UTF-8 texts of any length, dtype STRING.
idl::Tensor tensor(const std::vector<std::string>& texts, const std::optional<Shape>& shape = std::nullopt);

/// An array of dtype BYTES: elements as wide as the longest, or as given, padded with zeros.
idl::Tensor bytes_tensor(const std::vector<std::string>& elements, const std::optional<Shape>& shape = std::nullopt,
                         std::size_t itemsize = 0);

/// An array of dtype UNICODE, of UTF-8 texts: as many characters each as the longest has, or as given.
/// Throws TensorError for what is no UTF-8.
idl::Tensor unicode_tensor(const std::vector<std::string>& texts, const std::optional<Shape>& shape = std::nullopt,
                           std::size_t characters = 0);

/// The elements of dtype STRING, UNICODE (as UTF-8) or BYTES; padding of fixed widths is taken off.
/// Throws TensorError where the dtype is another, or the bytes are not what the shape says.
std::vector<std::string> texts(const idl::Tensor& tensor);

}  // namespace pyrpc
