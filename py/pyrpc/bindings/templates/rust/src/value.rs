//! Values of the generic API, of what Rust has.

use std::collections::BTreeMap;

use thrift::OrderedFloat;

use crate::idl::pyrpc::{Tensor, Value};

macro_rules! values {
    ($($type:ty, $variant:ident, $convert:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::$variant($convert(value))
            }
        }
    )*};
}

values! {
    (), NullValue, |()| true;
    bool, BoolValue, |value| value;
    i64, IntValue, |value| value;
    f64, DoubleValue, OrderedFloat;
    &str, StringValue, str::to_owned;
    String, StringValue, |value| value;
    Tensor, TensorValue, |value| value;
    Vec<Value>, ListValue, |values: Vec<Value>| values.into_iter().map(Box::new).collect();
    BTreeMap<String, Value>, MapValue, boxed;
}

fn boxed(values: BTreeMap<String, Value>) -> BTreeMap<String, Box<Value>> {
    let pairs = values.into_iter();
    pairs.map(|(name, value)| (name, Box::new(value))).collect()
}
