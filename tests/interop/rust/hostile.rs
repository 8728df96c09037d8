//! Calls a node that answers with anything, and says how each call ended.

use std::env;
use std::error::Error;
use std::time::Duration;

use interop_client::idl::interop::{InteropSyncClient, TInteropSyncClient};
use interop_client::{Connection, Options, Tensor};

fn called(connection: &mut Connection) -> String {
    let tensor = Tensor::from_slice(b"abcd", &[2, 2]).expect("four elements");
    let mut client = connection.service("Interop", InteropSyncClient::new);
    match client.echo(tensor) {
        Ok(echoed) => match echoed.into_vec::<u8>() {
            Ok(elements) if elements == b"abcd" => "ok".to_owned(),
            Ok(elements) => format!("ok, but {elements:?}"),
            Err(error) => format!("refused TensorError {error}"),
        },
        Err(error @ thrift::Error::Transport(_)) => format!("refused Transport {error}"),
        Err(error @ thrift::Error::Protocol(_)) => format!("refused Protocol {error}"),
        Err(error @ thrift::Error::Application(_)) => format!("refused Application {error}"),
        Err(error @ thrift::Error::User(_)) => format!("refused User {error}"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, host, port, protocol, count] = &arguments[..] else {
        return Err("expected HOST PORT PROTOCOL COUNT".into());
    };
    for _ in 0..count.parse()? {
        let options = Options {
            is_compact: protocol == "compact",
            timeout: Duration::from_secs(5),
            ..Options::default()
        };
        let mut connection = Connection::open(&format!("{host}:{port}"), options)?;
        let ends = [called(&mut connection), called(&mut connection)];
        println!("{}", ends.join(" / ").replace('\n', " "));
    }
    Ok(())
}
