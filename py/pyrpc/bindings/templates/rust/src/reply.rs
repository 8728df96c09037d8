//! Replies that end where their frames do.

use thrift::protocol::{
    TFieldIdentifier, TInputProtocol, TListIdentifier, TMapIdentifier, TMessageIdentifier,
    TSetIdentifier, TStructIdentifier, TType,
};

use crate::frame::FrameEnd;

/// A protocol that refuses bytes after a message: what sent them speaks something else.
pub(crate) struct Replies<P> {
    pub(crate) protocol: P,
    pub(crate) end: FrameEnd,
}

macro_rules! forwarded {
    ($($read:ident: $type:ty,)*) => {$(
        fn $read(&mut self) -> thrift::Result<$type> {
            self.protocol.$read()
        }
    )*};
}

impl<P: TInputProtocol> TInputProtocol for Replies<P> {
    fn read_message_end(&mut self) -> thrift::Result<()> {
        self.protocol.read_message_end()?;
        Ok(self.end.check()?)
    }

    fn min_serialized_size(&self, field_type: TType) -> usize {
        self.protocol.min_serialized_size(field_type)
    }

    forwarded! {
        read_message_begin: TMessageIdentifier,
        read_struct_begin: Option<TStructIdentifier>,
        read_struct_end: (),
        read_field_begin: TFieldIdentifier,
        read_field_end: (),
        read_bool: bool,
        read_bytes: Vec<u8>,
        skip_binary: (),
        read_i8: i8,
        read_i16: i16,
        read_i32: i32,
        read_i64: i64,
        read_double: f64,
        read_uuid: uuid::Uuid,
        read_string: String,
        read_list_begin: TListIdentifier,
        read_list_end: (),
        read_set_begin: TSetIdentifier,
        read_set_end: (),
        read_map_begin: TMapIdentifier,
        read_map_end: (),
        read_byte: u8,
    }
}
