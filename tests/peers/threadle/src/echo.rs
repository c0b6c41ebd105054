use std::io;
use std::net::SocketAddr;

use peer_measure::{Request, figure, raise_descriptor_limit};
use threadle_tests::scenario::{echo_clients, echo_server};

pub(crate) fn run(request: &Request) -> io::Result<()> {
    raise_descriptor_limit()?;
    exchange(request, echo_server()?);
    Ok(())
}

pub(crate) fn exchange(request: &Request, server: SocketAddr) {
    let (connections, round_trips): (usize, usize) = (request.number("connections"), request.number("round_trips"));
    let made = (round_trips / connections * connections) as f64;
    let exchange = echo_clients(server, connections, round_trips);
    figure("per_second", made / exchange.elapsed.as_secs_f64());
    figure("cpu_us", exchange.cpu.as_secs_f64() * 1e6 / made);
}
