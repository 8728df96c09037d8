//! Checks a node from Rust, and prints a line for each check.

use std::any::type_name;
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt::Debug;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use half::{bf16, f16};
use interop_client::idl::interop::{InteropSyncClient, Mood, Region, TInteropSyncClient};
use interop_client::idl::pyrpc::{ErrorCode, TNodeSyncClient};
use interop_client::{
    rpc_error, Connection, DType, Element, Input, Options, Output, RpcError, Tensor, Value,
};
use ndarray::{Array2, ArrayD, ArrayView2, CowArray, IxDyn};
use num_complex::Complex;

type Outcome = Result<String, Box<dyn Error>>;
type Client<'a> = InteropSyncClient<Input<'a>, Output<'a>>;

macro_rules! expect {
    ($is_right:expr, $($message:tt)+) => {
        if !$is_right {
            return Err(format!($($message)+).into());
        }
    };
}

struct Program {
    address: String,
    options: Options,
    open: Connection,
}

impl Program {
    fn client(&mut self) -> Client<'_> {
        self.open.service("Interop", InteropSyncClient::new)
    }

    /// A generic call without arguments by name, and its result.
    fn call(&mut self, stage: &str, positional: Vec<Value>) -> thrift::Result<Value> {
        let options = self.open.options(None);
        let mut node = self.open.node();
        let reply = node.call(stage.to_owned(), positional, BTreeMap::new(), options)?;
        Ok(reply.value.unwrap_or(Value::NullValue(true)))
    }

    fn ping(&mut self) -> Outcome {
        let version = self.open.node().ping()?.protocol_version;
        expect!(version == Some(1), "protocol_version is {version:?}");
        done()
    }

    fn typed(&mut self) -> Outcome {
        let sum = self.client().add(1, 2)?;
        expect!(sum == 3, "1 + 2 is {sum}");
        done()
    }

    fn plain(&mut self) -> Outcome {
        let sum = self.open.plain(InteropSyncClient::new).add(1, 2)?;
        expect!(sum == 3, "1 + 2 is {sum}");
        done()
    }

    fn generic(&mut self) -> Outcome {
        let named = BTreeMap::from([("b".to_owned(), Value::from(5))]);
        let (stage, options) = ("Interop.add".to_owned(), self.open.options(None));
        let reply = self
            .open
            .node()
            .call(stage, vec![1.into()], named, options)?;
        let expected = Some(Value::from(6));
        expect!(reply.value == expected, "1 + 5 is {:?}", reply.value);
        let large = self.call("Interop.add", vec![(1 << 40).into(), 1.into()])?;
        let expected = Value::from((1 << 40) + 1);
        expect!(large == expected, "2^40 + 1 is {large:?}");
        done()
    }

    fn structs(&mut self) -> Outcome {
        let scores = BTreeMap::from([("a".to_owned(), 0.5.into())]);
        let pixels = Tensor::zeros(DType::UINT8, &[2, 2])?;
        let label = "é".to_owned();
        let region = Region::new(2, Some(3.0.into()), label, vec![Mood::CALM], scores, pixels);
        let grown = self.client().grown(region)?;
        expect!(
            grown.x == Some(3) && grown.y == Some(3.0.into()),
            "it is {grown:?}"
        );
        expect!(grown.label.as_deref() == Some("é"), "it is {grown:?}");
        let moods = grown.moods.unwrap_or_default();
        expect!(moods == [Mood::CALM, Mood::LOUD], "moods: {moods:?}");
        let scores = grown.scores.unwrap_or_default();
        let expected = [
            ("a".to_owned(), 0.5.into()),
            ("area".to_owned(), 6.0.into()),
        ];
        expect!(scores == BTreeMap::from(expected), "scores: {scores:?}");
        let pixels = grown.pixels.ok_or("no pixels")?;
        expect!(*pixels.view::<u8>()? == [1; 4], "pixels: {pixels:?}");
        let region = Region::new(2, Some(3.0.into()), None, None, None, None);
        let grown = self.client().grown(region)?;
        let is_unset = grown.label.is_none() && grown.pixels.is_none();
        expect!(is_unset, "what was not set came back: {grown:?}");
        done()
    }

    fn text(&mut self) -> Outcome {
        let reversed = self.client().reversed("aé😀".to_owned())?;
        expect!(reversed == "😀éa", "it is {reversed:?}");
        done()
    }

    fn large(&mut self) -> Outcome {
        const ROWS: usize = 1_000_000;
        let rows = Array2::from_shape_fn((ROWS, 4), |(row, column)| {
            ((4 * row + column) % 1000) as f32
        });
        let tensor = Tensor::from_array(&rows)?;
        let doubled = &rows * 2.0;
        let typed = self.client().doubled(tensor.clone())?;
        expect!(
            typed.array_view::<f32>()? == doubled.view().into_dyn(),
            "typed: others"
        );
        let options = self.open.options(None);
        let (stage, inputs) = ("Interop.doubled".to_owned(), vec![tensor.into()]);
        let mut node = self.open.node();
        let reply = node.run(stage, inputs, BTreeMap::new(), ROWS as i64, options)?;
        let Some(Value::TensorValue(result)) = reply.value else {
            return Err("no tensor came back".into());
        };
        expect!(
            result.into_array::<f32>()? == doubled.into_dyn(),
            "run: others"
        );
        done()
    }

    fn larger(&mut self) -> Outcome {
        let bytes: Vec<u8> = (0..64 << 20).map(|index| (index % 251) as u8).collect();
        let tensor = Tensor::from_slice(&bytes, &[bytes.len()])?;
        let Value::TensorValue(echoed) = self.call("Interop.echo", vec![tensor.clone().into()])?
        else {
            return Err("no tensor came back".into());
        };
        expect!(echoed.into_vec::<u8>()? == bytes, "generic: other bytes");
        let echoed = self.client().echo(tensor)?;
        expect!(echoed.into_vec::<u8>()? == bytes, "typed: other bytes");
        done()
    }

    fn errors(&mut self) -> Outcome {
        let wrong = Tensor::from_slice(&[0i32; 8], &[2, 4])?;
        let refused = refusal(self.client().doubled(wrong))?;
        expect!(
            refused.code == Some(ErrorCode::CONTRACT_VIOLATED),
            "it is {refused:?}"
        );
        expect!(
            refused.expected.is_some() && refused.got.is_some(),
            "it is {refused:?}"
        );
        let refused = refusal(self.client().fail("on purpose".to_owned()))?;
        expect!(
            refused.code == Some(ErrorCode::STAGE_FAILED),
            "it is {refused:?}"
        );
        expect!(
            refused.remote_type.as_deref() == Some("ValueError"),
            "it is {refused:?}"
        );
        let message = refused.message.unwrap_or_default();
        expect!(message.contains("on purpose"), "the message is {message:?}");
        self.typed()
    }

    fn left(&mut self, remaining: Duration) -> thrift::Result<Option<Value>> {
        let options = self.open.options(Some(remaining));
        let mut node = self.open.node();
        let reply = node.call(
            "Interop.left_s".to_owned(),
            vec![],
            BTreeMap::new(),
            options,
        )?;
        Ok(reply.value)
    }

    fn deadline(&mut self) -> Outcome {
        let Some(Value::DoubleValue(left)) = self.left(Duration::from_secs(60))? else {
            return Err("no number came back".into());
        };
        expect!(*left > 0.0 && *left <= 60.0, "{left} s are left of 60");
        let expired = refusal(self.left(Duration::ZERO))?;
        expect!(
            expired.code == Some(ErrorCode::EXPIRED),
            "remaining_ms=0: {expired:?}"
        );

        let timeout = Duration::from_millis(500);
        let options = Options {
            timeout,
            ..self.options.clone()
        };
        let mut impatient = Connection::open(&self.address, options)?
            .into_service("Interop", InteropSyncClient::new);
        let began = Instant::now();
        let slept = impatient.sleep(10.0.into());
        let took = began.elapsed();
        let is_soon = took < Duration::from_secs(5);
        expect!(slept.is_err() && is_soon, "after {took:?}: {slept:?}");
        let next = impatient.add(1, 2);
        expect!(
            next.is_err(),
            "a reply of an earlier call could be taken for another's"
        );
        done()
    }

    fn tls(&mut self) -> Outcome {
        let address = format!("localhost:{}", env::var("PYRPC_TLS_PORT")?);
        let (token, ca_file) = (env::var("PYRPC_TLS_TOKEN")?, env::var("PYRPC_TLS_CA")?);
        let options = Options {
            token: Some(token),
            tls_ca_file: Some(ca_file.into()),
            timeout: Duration::from_secs(5),
            ..self.options.clone()
        };
        let mut open = Connection::open(&address, options.clone())?;
        let sum = open.service("Interop", InteropSyncClient::new).add(1, 2)?;
        expect!(sum == 3, "1 + 2 is {sum}");
        let (stage, numbers) = ("Interop.add".to_owned(), vec![1.into(), 2.into()]);
        let call_options = open.options(None);
        let mut node = open.node();
        let reply = node.call(stage, numbers, BTreeMap::new(), call_options)?;
        expect!(reply.value == Some(Value::from(3)), "1 + 2 is {reply:?}");
        for token in [None, Some("wrong".to_owned())] {
            let options = Options {
                token,
                ..options.clone()
            };
            let refused = Connection::open(&address, options)
                .and_then(|mut open| open.service("Interop", InteropSyncClient::new).add(1, 2));
            let refused = refusal(refused)?;
            let is_right = refused.code == Some(ErrorCode::UNAUTHENTICATED);
            expect!(is_right, "it is {refused:?}");
        }
        let plain = Options {
            tls_ca_file: None,
            ..options.clone()
        };
        let is_refused = Connection::open(&address, plain).is_err();
        expect!(is_refused, "a call without TLS was answered");
        let other = address.replace("localhost", "127.0.0.1");
        let is_refused = Connection::open(&other, options).is_err();
        expect!(is_refused, "a certificate for another name was taken");
        done()
    }

    fn sample(&mut self, dtype: &str) -> thrift::Result<Tensor> {
        self.client().sample(dtype.to_owned())
    }

    /// Arrays of a type: its elements as they are, as an array of ndarray, and as the machine holds them: `bits`.
    fn array<T, B>(
        &mut self,
        name: &str,
        dtype: DType,
        unit: Option<&str>,
        own: [T; 6],
        bits: fn(&T) -> B,
    ) -> Outcome
    where
        T: Element + Debug,
        B: PartialEq + Debug,
    {
        let sample = self.sample(name)?;
        expect!(sample.dims()? == [2, 3], "the shape is {:?}", sample.dims());
        expect!(
            sample.dtype == Some(dtype),
            "the dtype is {:?}",
            sample.dtype
        );
        expect!(
            sample.unit.as_deref() == unit,
            "the unit is {:?}",
            sample.unit
        );
        let own_bits: Vec<B> = own.iter().map(bits).collect();
        let view: CowArray<'_, T, IxDyn> = sample.array_view()?;
        let found: Vec<B> = view.iter().map(bits).collect();
        expect!(found == own_bits, "as an array: {view:?}");
        let found: Vec<B> = sample.view::<T>()?.iter().map(bits).collect();
        expect!(found == own_bits, "as a view: {:?}", sample.view::<T>());
        let array: ArrayD<T> = sample.into_array()?;
        let array: ArrayView2<'_, T> = array.view().into_dimensionality()?;
        // Of another layout: its transpose's transpose.
        let columns: Vec<T> = array.t().iter().copied().collect();
        let transposed = Array2::from_shape_vec((3, 2), columns)?;
        let mut of_array = Tensor::from_array(&transposed.t())?;
        of_array.dtype = Some(dtype);
        let mut of_slice = Tensor::from_slice_as(dtype, &own, &[2, 3])?;
        for tensor in [&mut of_array, &mut of_slice] {
            tensor.unit = unit.map(str::to_owned);
            self.client().check(name.to_owned(), tensor.clone())?;
        }
        let name = type_name::<T>().rsplit("::").next().unwrap_or_default();
        Ok(format!("&[{name}]"))
    }

    /// Arrays of complex numbers: `Complex<f32>` has a path in its brackets, too.
    fn complex<T>(&mut self, name: &str, dtype: DType, number: fn(f32) -> T) -> Outcome
    where
        T: Copy + Debug + PartialEq,
        Complex<T>: Element,
    {
        let own = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
            .map(|index| Complex::new(number(index + 0.5), number(0.0 - index)));
        let sign = |value: &Complex<T>| format!("{value:?}");
        self.array(name, dtype, None, own, sign)?;
        Ok(format!("&[Complex<{}>]", type_name::<T>()))
    }

    fn strings(&mut self) -> Outcome {
        let own = ["", "a", "ab", "é", "😀", "longer than all the others"];
        let found = self.sample("string")?.to_strings()?;
        expect!(found == own, "the elements are {found:?}");
        let tensor = Tensor::from_strings(&own, &[2, 3])?;
        self.client().check("string".to_owned(), tensor)?;
        Ok("&[String]".to_owned())
    }

    fn unicode(&mut self) -> Outcome {
        let own = ["", "a", "ab", "é", "😀", "z😀"];
        let found = self.sample("unicode")?.to_strings()?;
        expect!(found == own, "the elements are {found:?}");
        let tensor = Tensor::from_unicode(&own, &[2, 3])?;
        self.client().check("unicode".to_owned(), tensor)?;
        Ok("&[String]".to_owned())
    }

    fn bytes(&mut self) -> Outcome {
        let own: [&[u8]; 6] = [b"", b"a", b"ab", b"abc", b"x", b"y\0z"];
        let sample = self.sample("bytes")?;
        expect!(sample.byte_strings()? == own, "the elements are {sample:?}");
        let tensor = Tensor::from_byte_strings(&own, &[2, 3])?;
        self.client().check("bytes".to_owned(), tensor)?;
        Ok("&[&[u8]]".to_owned())
    }
}

fn done() -> Outcome {
    Ok(String::new())
}

fn refusal<T: Debug>(result: thrift::Result<T>) -> Result<RpcError, Box<dyn Error>> {
    match result {
        Ok(value) => Err(format!("it gave {value:?}").into()),
        Err(error) => rpc_error(&error).cloned().ok_or_else(|| error.into()),
    }
}

fn check(name: &str, run: impl FnOnce() -> Outcome) {
    let said = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(note)) if note.is_empty() => format!("ok {name}"),
        Ok(Ok(note)) => format!("ok {name}: {note}"),
        Ok(Err(error)) => format!("fail {name}: {error}"),
        Err(_) => format!("fail {name}: it panicked"),
    };
    println!("{}", said.replace('\n', " "));
}

/// The checks of one type that is its own bits.
macro_rules! exact {
    ($program:expr, $($name:literal, $dtype:ident, $unit:expr, $elements:expr;)*) => {$(
        check(concat!("dtype ", $name), || {
            $program.array($name, DType::$dtype, $unit, $elements, |element| *element)
        });
    )*};
}

/// The checks of one type of floating point numbers, whose bits count: zero has a sign.
macro_rules! floats {
    ($program:expr, $($name:literal, $dtype:ident, $type:ty, $convert:expr;)*) => {$(
        check(concat!("dtype ", $name), || {
            let own = [-1.5f32, -0.0, 0.0, 0.5, 2.0, f32::INFINITY].map($convert);
            $program.array($name, DType::$dtype, None, own, |element: &$type| element.to_bits())
        });
    )*};
}

fn dtypes(program: &mut Program) {
    let counts = [0, 1, -1, 1000, 86_400_000, i64::MIN];
    exact! {
        program,
        "bool", BOOL, None, [true, false, true, true, false, false];
        "int8", INT8, None, [i8::MIN, -1, 0, 3, i8::MAX - 1, i8::MAX];
        "int16", INT16, None, [i16::MIN, -1, 0, 3, i16::MAX - 1, i16::MAX];
        "int32", INT32, None, [i32::MIN, -1, 0, 3, i32::MAX - 1, i32::MAX];
        "int64", INT64, None, [i64::MIN, -1, 0, 3, i64::MAX - 1, i64::MAX];
        "uint8", UINT8, None, [0, 1, 2, 3, u8::MAX - 1, u8::MAX];
        "uint16", UINT16, None, [0, 1, 2, 3, u16::MAX - 1, u16::MAX];
        "uint32", UINT32, None, [0, 1, 2, 3, u32::MAX - 1, u32::MAX];
        "uint64", UINT64, None, [0, 1, 2, 3, u64::MAX - 1, u64::MAX];
        "datetime64", DATETIME64, Some("ns"), counts;
        "timedelta64", TIMEDELTA64, Some("ms"), counts;
    }
    floats! {
        program,
        "float16", FLOAT16, f16, f16::from_f32;
        "bfloat16", BFLOAT16, bf16, bf16::from_f32;
        "float32", FLOAT32, f32, |number| number;
        "float64", FLOAT64, f64, f64::from;
    }
    check("dtype complex64", || {
        program.complex("complex64", DType::COMPLEX64, |number| number)
    });
    check("dtype complex128", || {
        program.complex("complex128", DType::COMPLEX128, f64::from)
    });
    check("dtype bytes", || program.bytes());
    check("dtype unicode", || program.unicode());
    check("dtype string", || program.strings());
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, host, port, protocol] = &arguments[..] else {
        return Err("expected HOST PORT PROTOCOL".into());
    };
    let address = format!("{host}:{port}");
    let options = Options {
        is_compact: protocol == "compact",
        ..Options::default()
    };
    let open = Connection::open(&address, options.clone())?;
    let mut program = Program {
        address,
        options,
        open,
    };
    check("ping", || program.ping());
    check("typed call", || program.typed());
    check("plain name", || program.plain());
    check("generic call", || program.generic());
    check("struct", || program.structs());
    check("text", || program.text());
    check("16 MB", || program.large());
    check("64 MiB", || program.larger());
    check("typed error", || program.errors());
    check("deadline", || program.deadline());
    check("tls", || program.tls());
    dtypes(&mut program);
    Ok(())
}
