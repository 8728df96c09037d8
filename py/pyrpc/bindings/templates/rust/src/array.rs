//! Tensors of the arrays of the crate ndarray, and back.

use std::borrow::Cow;

use ndarray::{ArrayBase, ArrayD, ArrayView, ArrayViewD, CowArray, Data, Dimension, IxDyn};

use crate::element::Element;
use crate::idl::pyrpc::Tensor;
use crate::tensor::TensorError;

impl Tensor {
    /// An array with a copy of the elements of an array or view, of whatever layout.
    ///
    /// # Errors
    ///
    /// It has more elements than memory has places, as broadcast ones may.
    pub fn from_array<T, S, D>(array: &ArrayBase<S, D>) -> Result<Tensor, TensorError>
    where
        T: Element,
        S: Data<Elem = T>,
        D: Dimension,
    {
        match array.as_slice() {
            Some(elements) => Tensor::from_slice(elements, array.shape()),
            None => Tensor::from_vec(array.iter().copied().collect(), array.shape()),
        }
    }

    /// The array: a view of the tensor's memory where that can be used, else a copy.
    ///
    /// # Errors
    ///
    /// As [`Tensor::view`].
    pub fn array_view<T: Element>(&self) -> Result<CowArray<'_, T, IxDyn>, TensorError> {
        let dims = IxDyn(&self.dims()?);
        Ok(match self.view()? {
            Cow::Borrowed(elements) => {
                let view: ArrayViewD<'_, T> =
                    ArrayView::from_shape(dims, elements).map_err(unfit)?;
                view.into()
            }
            Cow::Owned(elements) => ArrayD::from_shape_vec(dims, elements)
                .map_err(unfit)?
                .into(),
        })
    }

    /// The array, in memory of its own; that of the tensor is used for `u8` and `i8`, others are copied.
    ///
    /// # Errors
    ///
    /// As [`Tensor::view`].
    pub fn into_array<T: Element>(self) -> Result<ArrayD<T>, TensorError> {
        let dims = IxDyn(&self.dims()?);
        ArrayD::from_shape_vec(dims, self.into_vec()?).map_err(unfit)
    }
}

fn unfit(error: ndarray::ShapeError) -> TensorError {
    TensorError::new("the shape", "one that ndarray takes", error)
}
