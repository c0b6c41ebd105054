//! A protocol by its codec alone: commands and answers are the crate `redis`'s, the socket is ours. One goroutine writes ten thousand commands
//! without waiting for an answer, another reads the answers as they come.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example redis_pipeline 127.0.0.1:6379
//! 10000 commands, 10000 answers in their order
//! ```

use std::error::Error;
use std::io::{BufReader, BufWriter, Write};

use redis::{Parser, Value, cmd};
use threadle::go;
use threadle::net::TcpStream;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const COMMANDS: i64 = 10_000;

fn main() -> Fallible<()> {
    let Some(address) = std::env::args().nth(1) else { return Err("usage: redis_pipeline ADDRESS".into()) };
    threadle::run(|| {
        let stream = TcpStream::connect(&*address)?;
        stream.set_nodelay(true)?;
        let mut answers = BufReader::new(stream.clone());
        let mut parser = Parser::new();

        let key = format!("threadle:{}", std::process::id());
        let writer = go(move || -> Fallible<()> {
            let mut commands = BufWriter::with_capacity(64 << 10, stream);
            commands.write_all(&cmd("DEL").arg(&key).get_packed_command())?;
            for _ in 0..COMMANDS {
                commands.write_all(&cmd("INCR").arg(&key).get_packed_command())?;
            }
            commands.write_all(&cmd("DEL").arg(&key).get_packed_command())?;
            Ok(commands.flush()?)
        });

        let mut in_order = 0;
        parser.parse_value(&mut answers)?;
        for number in 1..=COMMANDS {
            match parser.parse_value(&mut answers)? {
                Value::Int(answer) if answer == number => in_order += 1,
                other => return Err(format!("INCR {number} was answered {other:?}").into()),
            }
        }
        parser.parse_value(&mut answers)?;
        writer.join()??;
        println!("{COMMANDS} commands, {in_order} answers in their order");
        Ok(())
    })
}
