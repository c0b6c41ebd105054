//! tokio-postgres over our sockets: it asks for tokio's I/O traits and for somebody to poll its connection, not for tokio's runtime.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example postgres_query "host=127.0.0.1 port=5432 user=postgres dbname=postgres"
//! 10 goroutines asked 200 questions over one connection; the sum of the answers is 20100
//! rolled back: 0 rows
//! ```

use std::error::Error;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use threadle::net::TcpStream;
use threadle::{block_on, go};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// As `Config::connect` does, over a stream of ours.
fn connect(config: &Config) -> Fallible<Client> {
    let (Some(Host::Tcp(host)), port) = (config.get_hosts().first(), config.get_ports().first().unwrap_or(&5432))
    else {
        return Err("the first host is to be one of TCP".into());
    };
    let stream = TcpStream::connect((host.as_str(), *port))?;
    stream.set_nodelay(true)?;
    // `TokioIo` shows what has hyper's traits as tokio's.
    let (client, connection) = block_on(config.connect_raw(TokioIo::new(stream), NoTls))?;
    go(move || block_on(connection));
    Ok(client)
}

fn main() -> Fallible<()> {
    let Some(config) = std::env::args().nth(1) else { return Err("usage: postgres_query CONFIG".into()) };
    threadle::run(|| {
        let mut client = connect(&config.parse()?)?;
        block_on(client.batch_execute("CREATE TEMPORARY TABLE answers (number BIGINT)"))?;

        // Many at once: the driver sends them one behind the other, without waiting for answers.
        let shared = Arc::new(client);
        let askers: Vec<_> = (0..10_i64)
            .map(|asker| {
                let client = Arc::clone(&shared);
                go(move || -> Fallible<()> {
                    let statement = block_on(client.prepare("INSERT INTO answers VALUES ($1::BIGINT + 1)"))?;
                    for question in 0..20_i64 {
                        block_on(client.execute(&statement, &[&(asker * 20 + question)]))?;
                    }
                    Ok(())
                })
            })
            .collect();
        for asker in askers {
            asker.join()??;
        }
        let row = block_on(shared.query_one("SELECT count(*), sum(number)::BIGINT FROM answers", &[]))?;
        let (count, sum): (i64, i64) = (row.get(0), row.get(1));
        println!("10 goroutines asked {count} questions over one connection; the sum of the answers is {sum}");

        client = Arc::into_inner(shared).ok_or("somebody still asks")?;
        let transaction = block_on(client.transaction())?;
        block_on(transaction.execute("INSERT INTO answers SELECT -1", &[]))?;
        block_on(transaction.rollback())?;
        let row = block_on(client.query_one("SELECT count(*) FROM answers WHERE number < 0", &[]))?;
        println!("rolled back: {} rows", row.get::<_, i64>(0));
        Ok(())
    })
}
