//! Types whose slices are arrays, and the bytes that they travel as.

use std::borrow::Cow;
use std::mem::size_of;

use bytemuck::allocation::{pod_collect_to_vec, try_cast_vec};
use num_complex::Complex;

use crate::idl::pyrpc::DType;

mod private {
    pub trait Sealed {}
}

/// A type whose slices are arrays.
pub trait Element: Copy + private::Sealed {
    /// What it travels as.
    const DTYPE: DType;

    /// Dtypes that Rust has no type of its own for, whose elements travel as this one.
    const BITS_OF: &'static [DType] = &[];

    /// The elements as they travel; their memory is used if it can be.
    #[doc(hidden)]
    fn into_bytes(elements: Vec<Self>) -> Vec<u8>;

    /// The same of elements that stay where they are: a copy.
    #[doc(hidden)]
    fn to_bytes(elements: &[Self]) -> Vec<u8>;

    /// Elements of as many bytes as whole elements have; a view if the memory allows it.
    #[doc(hidden)]
    fn from_bytes(data: &[u8]) -> Cow<'_, [Self]>;

    /// The same; the memory is used if it can be.
    #[doc(hidden)]
    fn from_vec(data: Vec<u8>) -> Vec<Self>;
}

/// Bytes in little endian order, of bytes as the machine has them, and back; `part` is the size of one number.
fn swapped_if_big(mut data: Vec<u8>, part: usize) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        data.chunks_exact_mut(part).for_each(<[u8]>::reverse);
    }
    data
}

macro_rules! elements {
    ($($type:ty, $part:ty, $dtype:ident, [$($bits:ident),*];)*) => {$(
        impl private::Sealed for $type {}

        impl Element for $type {
            const DTYPE: DType = DType::$dtype;
            const BITS_OF: &'static [DType] = &[$(DType::$bits),*];

            fn into_bytes(elements: Vec<Self>) -> Vec<u8> {
                let data = try_cast_vec(elements);
                let data = data.unwrap_or_else(|(_, elements)| bytemuck::cast_slice(&elements).to_vec());
                swapped_if_big(data, size_of::<$part>())
            }

            fn to_bytes(elements: &[Self]) -> Vec<u8> {
                swapped_if_big(bytemuck::cast_slice(elements).to_vec(), size_of::<$part>())
            }

            fn from_bytes(data: &[u8]) -> Cow<'_, [Self]> {
                match bytemuck::try_cast_slice(data) {
                    Ok(elements) if cfg!(target_endian = "little") => Cow::Borrowed(elements),
                    _ => Cow::Owned(Self::from_vec(data.to_vec())),
                }
            }

            fn from_vec(data: Vec<u8>) -> Vec<Self> {
                let data = swapped_if_big(data, size_of::<$part>());
                try_cast_vec(data).unwrap_or_else(|(_, data)| pod_collect_to_vec(&data))
            }
        }
    )*};
}

elements! {
    i8, i8, INT8, [];
    i16, i16, INT16, [];
    i32, i32, INT32, [];
    i64, i64, INT64, [DATETIME64, TIMEDELTA64];
    u8, u8, UINT8, [];
    u16, u16, UINT16, [FLOAT16, BFLOAT16];
    u32, u32, UINT32, [];
    u64, u64, UINT64, [];
    f32, f32, FLOAT32, [];
    f64, f64, FLOAT64, [];
    Complex<f32>, f32, COMPLEX64, [];
    Complex<f64>, f64, COMPLEX128, [];
}

#[cfg(feature = "half")]
elements! {
    half::f16, half::f16, FLOAT16, [];
    half::bf16, half::bf16, BFLOAT16, [];
}

impl private::Sealed for bool {}

/// Always a copy: a node may send bytes that are no `bool` of Rust; all but 0 are true.
impl Element for bool {
    const DTYPE: DType = DType::BOOL;

    fn into_bytes(elements: Vec<Self>) -> Vec<u8> {
        Self::to_bytes(&elements)
    }

    fn to_bytes(elements: &[Self]) -> Vec<u8> {
        elements.iter().copied().map(u8::from).collect()
    }

    fn from_bytes(data: &[u8]) -> Cow<'_, [Self]> {
        Cow::Owned(data.iter().map(|&byte| byte != 0).collect())
    }

    fn from_vec(data: Vec<u8>) -> Vec<Self> {
        Self::from_bytes(&data).into_owned()
    }
}
