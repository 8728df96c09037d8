//! Tensors of texts and byte strings, and back.

use crate::idl::pyrpc::{DType, Tensor};
use crate::tensor::{check_size, checked, count_of, name_of, tensor, TensorError};

const OFFSET_BYTES: usize = 8;
const POINT_BYTES: usize = 4;

impl Tensor {
    /// An array of texts of any length, dtype STRING, in C order: a copy.
    ///
    /// # Errors
    ///
    /// The shape has another number of texts.
    pub fn from_strings<S: AsRef<str>>(
        texts: &[S],
        shape: &[usize],
    ) -> Result<Tensor, TensorError> {
        let shape = checked(shape, texts.len())?;
        let mut data = vec![0; OFFSET_BYTES];
        let mut end = 0;
        for text in texts {
            end += text.as_ref().len() as u64;
            data.extend_from_slice(&end.to_le_bytes());
        }
        for text in texts {
            data.extend_from_slice(text.as_ref().as_bytes());
        }
        Ok(tensor(DType::STRING, shape, data))
    }

    /// An array of texts as wide as the longest, dtype UNICODE, in C order: a copy.
    ///
    /// # Errors
    ///
    /// The shape has another number of texts, or the longest text does not fit an element.
    pub fn from_unicode<S: AsRef<str>>(
        texts: &[S],
        shape: &[usize],
    ) -> Result<Tensor, TensorError> {
        let elements: Vec<Vec<u8>> = texts.iter().map(|text| utf_32(text.as_ref())).collect();
        fixed(DType::UNICODE, &elements, POINT_BYTES, shape)
    }

    /// An array of byte strings as wide as the longest, dtype BYTES, in C order: a copy.
    ///
    /// # Errors
    ///
    /// The shape has another number of byte strings, or the longest one does not fit an element.
    pub fn from_byte_strings<B: AsRef<[u8]>>(
        elements: &[B],
        shape: &[usize],
    ) -> Result<Tensor, TensorError> {
        fixed(DType::BYTES, elements, 1, shape)
    }

    /// The texts of an array of dtype STRING or UNICODE, without padding: a copy.
    ///
    /// # Errors
    ///
    /// It is of another dtype, or its data does not fit its shape or is no text.
    pub fn to_strings(&self) -> Result<Vec<String>, TensorError> {
        match self.checked_dtype()? {
            DType::STRING => self.variable_texts(),
            DType::UNICODE => self.elements()?.into_iter().map(unicode).collect(),
            other => Err(TensorError::new(
                "the dtype",
                "STRING or UNICODE",
                name_of(other),
            )),
        }
    }

    /// The byte strings of an array of dtype BYTES, without padding: views.
    ///
    /// # Errors
    ///
    /// It is of another dtype, or its data does not fit its shape.
    pub fn byte_strings(&self) -> Result<Vec<&[u8]>, TensorError> {
        match self.checked_dtype()? {
            DType::BYTES => Ok(self.elements()?.into_iter().map(unpadded).collect()),
            other => Err(TensorError::new("the dtype", "BYTES", name_of(other))),
        }
    }

    /// The elements of fixed width, with their padding.
    fn elements(&self) -> Result<Vec<&[u8]>, TensorError> {
        let count = count_of(self.dims()?)?;
        let size = usize::try_from(self.itemsize.unwrap_or(0)).unwrap_or(usize::MAX);
        check_size(self.bytes(), count, size)?;
        if size == 0 {
            // No data bounds the number of empty elements.
            check_size(self.bytes(), count, 1)?;
            return Ok(Vec::new());
        }
        Ok(self.bytes().chunks_exact(size).collect())
    }

    fn variable_texts(&self) -> Result<Vec<String>, TensorError> {
        let (count, data) = (count_of(self.dims()?)?, self.bytes());
        if data.len() / OFFSET_BYTES <= count {
            let expected = format!("the offsets of {count} texts");
            let got = format!("{} bytes", data.len());
            return Err(TensorError::new("the data of the tensor", expected, got));
        }
        let (offsets, bytes) = data.split_at(OFFSET_BYTES * (count + 1));
        let offsets: Vec<u64> = offsets.chunks_exact(OFFSET_BYTES).map(offset).collect();
        let texts = offsets.windows(2).map(|pair| text(bytes, pair[0], pair[1]));
        texts.collect()
    }
}

fn fixed<B: AsRef<[u8]>>(
    dtype: DType,
    elements: &[B],
    least: usize,
    shape: &[usize],
) -> Result<Tensor, TensorError> {
    let shape = checked(shape, elements.len())?;
    let longest = elements.iter().map(|element| element.as_ref().len()).max();
    let size = longest.unwrap_or(0).max(least);
    let too_long = |_| TensorError::new("the longest element", "less than 2^31 bytes", size);
    let itemsize = i32::try_from(size).map_err(too_long)?;
    let mut data = vec![0; size * elements.len()];
    for (place, element) in data.chunks_exact_mut(size).zip(elements) {
        place[..element.as_ref().len()].copy_from_slice(element.as_ref());
    }
    let mut made = tensor(dtype, shape, data);
    made.itemsize = Some(itemsize);
    Ok(made)
}

fn utf_32(text: &str) -> Vec<u8> {
    let points = text.chars().map(u32::from);
    points.flat_map(u32::to_le_bytes).collect()
}

fn offset(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn text(bytes: &[u8], start: u64, end: u64) -> Result<String, TensorError> {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some(found) = range.and_then(|(start, end)| bytes.get(start..end)) else {
        let expected = format!("offsets that rise to at most {}", bytes.len());
        let got = format!("{start} and {end}");
        return Err(TensorError::new("the offsets of the texts", expected, got));
    };
    let wrong = |error| TensorError::new("the text", "UTF-8", error);
    String::from_utf8(found.to_vec()).map_err(|error| wrong(error.utf8_error()))
}

fn unicode(element: &[u8]) -> Result<String, TensorError> {
    let points = element
        .chunks(POINT_BYTES)
        .map(|bytes| offset(bytes) as u32);
    let points: Vec<u32> = points.collect();
    let end = points.iter().rposition(|&point| point != 0);
    let known = &points[..end.map_or(0, |last| last + 1)];
    let character = |&point: &u32| {
        let wrong = || TensorError::new("the text", "code points of Unicode", point);
        char::from_u32(point).ok_or_else(wrong)
    };
    known.iter().map(character).collect()
}

fn unpadded(element: &[u8]) -> &[u8] {
    let end = element.iter().rposition(|&byte| byte != 0);
    &element[..end.map_or(0, |last| last + 1)]
}
