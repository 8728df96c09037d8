//! Rules of the library beside the generated code; bytes of a node that are none must be errors.

use std::borrow::Cow;

use interop_client::idl::interop::InteropSyncClient;
use interop_client::{Connection, DType, Input, Output, Tensor, TensorError};

fn sent(dtype: DType, shape: &[i64], data: &[u8], itemsize: Option<i32>) -> Tensor {
    Tensor::new(dtype, shape.to_vec(), data.to_vec(), itemsize, None, None)
}

fn refused<T: std::fmt::Debug>(result: Result<T, TensorError>, words: &[&str]) {
    let said = result.expect_err("it was taken").to_string();
    for word in words {
        assert!(said.contains(word), "expected {word:?} in {said:?}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    for shape in [&[2, 4][..], &[], &[7], &[usize::MAX, 2], &[0]] {
        refused(Tensor::from_slice(&[0f32; 6], shape), &["expected", "got"]);
        refused(Tensor::from_vec(vec![0u8; 6], shape), &["expected", "got"]);
        refused(Tensor::from_strings(&["a"; 6], shape), &["expected", "got"]);
        refused(Tensor::from_unicode(&["a"; 6], shape), &["expected", "got"]);
    }
    refused(
        Tensor::zeros(DType::FLOAT64, &[1 << 40, 1 << 40]),
        &["at most"],
    );
    let negative = sent(DType::UINT8, &[-2, -3], &[0; 6], None);
    refused(
        negative.view::<u8>(),
        &["no negative dimension", "[-2, -3]"],
    );
    let huge = sent(DType::UINT8, &[i64::MAX, i64::MAX], &[0; 6], None);
    refused(huge.view::<u8>(), &["at most"]);
}

#[test]
fn dtypes_of_other_elements_are_refused() {
    let tensor = Tensor::from_slice(&[1i32, 2], &[2]).unwrap();
    refused(tensor.view::<f32>(), &["FLOAT32", "f32", "INT32"]);
    refused(tensor.to_strings(), &["STRING or UNICODE", "INT32"]);
    refused(tensor.byte_strings(), &["BYTES", "INT32"]);
    refused(
        Tensor::from_slice_as(DType::FLOAT32, &[1u16], &[1]),
        &["UINT16", "FLOAT32"],
    );
    refused(Tensor::zeros(DType::from(99), &[1]), &["unknown dtype 99"]);
    refused(
        sent(DType::from(99), &[1], &[0], None).view::<u8>(),
        &["unknown dtype 99"],
    );
    refused(Tensor::default().view::<u8>(), &["a dtype", "none"]);
}

#[test]
fn data_that_is_no_whole_number_of_elements_is_refused() {
    refused(
        sent(DType::INT32, &[2], &[0; 7], None).view::<i32>(),
        &["2 elements of 4", "7"],
    );
    refused(
        sent(DType::INT32, &[2], &[0; 12], None).into_vec::<i32>(),
        &["12 bytes"],
    );
    refused(
        sent(DType::BYTES, &[2], &[0; 5], Some(2)).byte_strings(),
        &["5 bytes"],
    );
    for itemsize in [None, Some(0), Some(-1), Some(i32::MAX)] {
        refused(
            sent(DType::BYTES, &[1 << 40], b"", itemsize).byte_strings(),
            &["0 bytes"],
        );
        refused(
            sent(DType::UNICODE, &[2], &[0; 6], itemsize).to_strings(),
            &["6 bytes"],
        );
    }
}

#[test]
fn offsets_that_lead_outside_are_refused() {
    let texts = |offsets: &[u64], text: &[u8]| {
        let data: Vec<u8> = offsets
            .iter()
            .flat_map(|offset| offset.to_le_bytes())
            .collect();
        sent(DType::STRING, &[2], &[&data[..], text].concat(), None).to_strings()
    };
    assert_eq!(texts(&[0, 1, 3], b"abc").unwrap(), ["a", "bc"]);
    refused(
        texts(&[0, 1], b"abc"),
        &["the offsets of 2 texts", "19 bytes"],
    );
    refused(texts(&[0, 1, 4], b"abc"), &["at most 3", "1 and 4"]);
    refused(texts(&[2, 1, 3], b"abc"), &["2 and 1"]);
    refused(texts(&[0, u64::MAX, 3], b"abc"), &["at most 3"]);
    refused(texts(&[0, 1, 2], b"\xff\xff"), &["UTF-8"]);
    refused(
        sent(DType::UNICODE, &[1], &[0xff; 4], Some(4)).to_strings(),
        &["code points"],
    );
}

#[test]
fn memory_is_used_where_it_can_be() {
    let bytes = vec![1u8, 2, 3];
    let place = bytes.as_ptr();
    let tensor = Tensor::from_vec(bytes, &[3]).unwrap();
    assert!(
        matches!(tensor.view::<u8>().unwrap(), Cow::Borrowed(found) if found.as_ptr() == place)
    );
    let bytes: Vec<u8> = tensor.into_vec().unwrap();
    assert_eq!(bytes.as_ptr(), place);
    let tensor = Tensor::from_slice(&[1.5f64, 2.5], &[2]).unwrap();
    assert_eq!(*tensor.view::<f64>().unwrap(), [1.5, 2.5]);
    assert_eq!(tensor.into_vec::<f64>().unwrap(), [1.5, 2.5]);
}

#[test]
fn every_byte_but_zero_is_true() {
    let tensor = sent(DType::BOOL, &[3], &[0, 1, 0xff], None);
    assert_eq!(*tensor.view::<bool>().unwrap(), [false, true, true]);
}

#[test]
fn empty_arrays_and_those_without_dimensions_travel() {
    let empty = Tensor::from_slice::<f32>(&[], &[0, 3]).unwrap();
    assert_eq!(empty.to_vec::<f32>().unwrap(), []);
    assert_eq!(empty.clone().into_array::<f32>().unwrap().shape(), [0, 3]);
    let one = Tensor::from_slice(&[7u16], &[]).unwrap();
    assert_eq!(
        (one.dims().unwrap(), one.to_vec().unwrap()),
        (vec![], vec![7u16])
    );
    assert!(Tensor::from_strings::<&str>(&[], &[0])
        .unwrap()
        .to_strings()
        .unwrap()
        .is_empty());
    assert!(Tensor::from_byte_strings::<&[u8]>(&[], &[0])
        .unwrap()
        .byte_strings()
        .unwrap()
        .is_empty());
}

#[test]
fn there_are_zeros_of_every_dtype() {
    for dtype in DType::ENUM_VALUES {
        let zeros = Tensor::zeros(*dtype, &[2, 3]).unwrap();
        assert_eq!(
            (zeros.dtype, zeros.dims().unwrap()),
            (Some(*dtype), vec![2, 3])
        );
    }
    let texts = Tensor::zeros(DType::STRING, &[2]).unwrap();
    assert_eq!(texts.to_strings().unwrap(), ["", ""]);
    assert_eq!(
        Tensor::zeros(DType::BYTES, &[1])
            .unwrap()
            .byte_strings()
            .unwrap(),
        [b""]
    );
}

#[test]
fn connections_and_clients_that_own_them_may_go_to_other_threads() {
    fn may_go<T: Send>() {}
    may_go::<Connection>();
    may_go::<InteropSyncClient<Input<'static>, Output<'static>>>();
}
