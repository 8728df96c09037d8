//! Tensors of slices, and back.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::mem::size_of;

use crate::element::Element;
use crate::idl::pyrpc::{DType, Tensor};

/// Elements of a larger array have no place in memory.
const MAX_ELEMENTS: usize = isize::MAX as usize / 16;

/// An array that cannot be made, or is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorError {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub expected: String,
    /// What there is.
    pub got: String,
}

impl TensorError {
    pub(crate) fn new(message: &str, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        TensorError {
            message: message.to_owned(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

impl fmt::Display for TensorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TensorError {
            message,
            expected,
            got,
        } = self;
        write!(f, "{message}: expected {expected}, got {got}")
    }
}

impl Error for TensorError {}

impl From<TensorError> for thrift::Error {
    fn from(error: TensorError) -> Self {
        thrift::Error::User(Box::new(error))
    }
}

impl Tensor {
    /// An array with a copy of the elements, in C order.
    ///
    /// # Errors
    ///
    /// The shape has another number of elements.
    pub fn from_slice<T: Element>(elements: &[T], shape: &[usize]) -> Result<Tensor, TensorError> {
        Self::from_slice_as(T::DTYPE, elements, shape)
    }

    /// The same of elements that are not needed any more; the memory of `u8` and `i8` is used, others are copied.
    ///
    /// # Errors
    ///
    /// The shape has another number of elements.
    pub fn from_vec<T: Element>(elements: Vec<T>, shape: &[usize]) -> Result<Tensor, TensorError> {
        let shape = checked(shape, elements.len())?;
        Ok(tensor(T::DTYPE, shape, T::into_bytes(elements)))
    }

    /// [`Tensor::from_slice`] with a dtype that Rust has no type of its own for: FLOAT16 and BFLOAT16 are their bits
    /// as `u16`, DATETIME64 and TIMEDELTA64 counts as `i64` (set the field `unit`, too).
    ///
    /// # Errors
    ///
    /// The elements of the dtype are no `T`, or the shape has another number of them.
    pub fn from_slice_as<T: Element>(
        dtype: DType,
        elements: &[T],
        shape: &[usize],
    ) -> Result<Tensor, TensorError> {
        check_dtype::<T>(dtype)?;
        let shape = checked(shape, elements.len())?;
        Ok(tensor(dtype, shape, T::to_bytes(elements)))
    }

    /// An array of zeros of any dtype; texts are empty, times are of nanoseconds.
    ///
    /// # Errors
    ///
    /// The shape has too many elements.
    pub fn zeros(dtype: DType, shape: &[usize]) -> Result<Tensor, TensorError> {
        let count = count_of(shape.iter().copied())?;
        let (size, itemsize, unit) = match dtype {
            DType::STRING => (8 * (count + 1), None, None),
            DType::BYTES => (count, Some(1), None),
            DType::UNICODE => (4 * count, Some(4), None),
            DType::DATETIME64 | DType::TIMEDELTA64 => (8 * count, None, Some("ns".to_owned())),
            _ => (count * width(dtype)?, None, None),
        };
        let mut zeros = tensor(dtype, checked(shape, count)?, vec![0; size]);
        (zeros.itemsize, zeros.unit) = (itemsize, unit);
        Ok(zeros)
    }

    /// How long each dimension is, rows first; empty for an array of no dimensions.
    ///
    /// # Errors
    ///
    /// A dimension is negative, or there are more elements than memory has places.
    pub fn dims(&self) -> Result<Vec<usize>, TensorError> {
        let sent = self.shape.as_deref().unwrap_or_default();
        let dims: Result<Vec<usize>, _> = sent.iter().map(|&dim| usize::try_from(dim)).collect();
        let wrong = |_| TensorError::new("the shape", "no negative dimension", format!("{sent:?}"));
        let dims = dims.map_err(wrong)?;
        count_of(dims.iter().copied())?;
        Ok(dims)
    }

    /// The elements, in C order: a view of the tensor's memory where that can be used, else a copy.
    ///
    /// # Errors
    ///
    /// The elements are no `T`, or the data does not fit the shape.
    pub fn view<T: Element>(&self) -> Result<Cow<'_, [T]>, TensorError> {
        self.check::<T>()?;
        Ok(T::from_bytes(self.bytes()))
    }

    /// The elements, in C order: a copy.
    ///
    /// # Errors
    ///
    /// As [`Tensor::view`].
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, TensorError> {
        self.view().map(Cow::into_owned)
    }

    /// The same of a tensor that is not needed any more; the memory of `u8` and `i8` is used, others are copied.
    ///
    /// # Errors
    ///
    /// As [`Tensor::view`].
    pub fn into_vec<T: Element>(self) -> Result<Vec<T>, TensorError> {
        self.check::<T>()?;
        Ok(T::from_vec(self.data.unwrap_or_default()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.data.as_deref().unwrap_or_default()
    }

    pub(crate) fn checked_dtype(&self) -> Result<DType, TensorError> {
        let missing = || TensorError::new("the tensor", "a dtype", "none");
        self.dtype.ok_or_else(missing)
    }

    fn check<T: Element>(&self) -> Result<(), TensorError> {
        check_dtype::<T>(self.checked_dtype()?)?;
        let count = count_of(self.dims()?)?;
        check_size(self.bytes(), count, size_of::<T>())
    }
}

pub(crate) fn tensor(dtype: DType, shape: Vec<i64>, data: Vec<u8>) -> Tensor {
    Tensor::new(dtype, shape, data, None, None, None)
}

/// The shape as it travels, if it has that many elements.
pub(crate) fn checked(shape: &[usize], count: usize) -> Result<Vec<i64>, TensorError> {
    let expected = count_of(shape.iter().copied())?;
    if expected != count {
        let expected = format!("{expected} elements for the shape {shape:?}");
        return Err(TensorError::new("the elements", expected, count));
    }
    let too_long = |_| TensorError::new("the shape", "dimensions below 2^63", format!("{shape:?}"));
    let dims = shape.iter().map(|&dim| i64::try_from(dim));
    dims.collect::<Result<_, _>>().map_err(too_long)
}

/// How many elements a shape has.
pub(crate) fn count_of(dims: impl IntoIterator<Item = usize>) -> Result<usize, TensorError> {
    let product = dims.into_iter().try_fold(1usize, |count, dim| {
        count.checked_mul(dim).filter(|&all| all <= MAX_ELEMENTS)
    });
    product.ok_or_else(|| {
        let expected = format!("at most {MAX_ELEMENTS} elements");
        TensorError::new("the shape", expected, "more")
    })
}

/// Refuse data that is not so many elements of so many bytes.
pub(crate) fn check_size(data: &[u8], count: usize, size: usize) -> Result<(), TensorError> {
    if count.checked_mul(size) == Some(data.len()) {
        return Ok(());
    }
    let expected = format!("{count} elements of {size} bytes");
    let got = format!("{} bytes", data.len());
    Err(TensorError::new("the data of the tensor", expected, got))
}

fn check_dtype<T: Element>(dtype: DType) -> Result<(), TensorError> {
    if dtype == T::DTYPE || T::BITS_OF.contains(&dtype) {
        return Ok(());
    }
    let name = std::any::type_name::<T>();
    let expected = format!("{} for elements that are {name}", name_of(T::DTYPE));
    Err(TensorError::new("the dtype", expected, name_of(dtype)))
}

const NAMES: [&str; 20] = [
    "BOOL",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "FLOAT16",
    "BFLOAT16",
    "FLOAT32",
    "FLOAT64",
    "COMPLEX64",
    "COMPLEX128",
    "DATETIME64",
    "TIMEDELTA64",
    "BYTES",
    "UNICODE",
    "STRING",
];

pub(crate) fn name_of(dtype: DType) -> String {
    let index = DType::ENUM_VALUES.iter().position(|&each| each == dtype);
    match index.and_then(|index| NAMES.get(index)) {
        Some(name) => (*name).to_owned(),
        None => format!("the unknown dtype {}", i32::from(dtype)),
    }
}

/// The bytes of an element, of dtypes that have them of one size.
fn width(dtype: DType) -> Result<usize, TensorError> {
    match dtype {
        DType::BOOL | DType::INT8 | DType::UINT8 => Ok(1),
        DType::INT16 | DType::UINT16 | DType::FLOAT16 | DType::BFLOAT16 => Ok(2),
        DType::INT32 | DType::UINT32 | DType::FLOAT32 => Ok(4),
        DType::INT64 | DType::UINT64 | DType::FLOAT64 | DType::COMPLEX64 => Ok(8),
        DType::COMPLEX128 => Ok(16),
        _ => Err(TensorError::new(
            "the dtype",
            "one of numbers",
            name_of(dtype),
        )),
    }
}
