//! Libraries of others on threadle, one idea a file, in `examples/bridge/examples/`: async ones through the bridge of `threadle::rt`, blocking ones
//! over threadle's streams or unchanged. Each example says at its top how it is run and what it prints; `docs/async.md` is the text to them.
//!
//! | program | shows |
//! |---|---|
//! | `http_hello` | hyper's server: one goroutine a connection, HTTP/1 and HTTP/2 |
//! | `https_get` | a request over TLS, with the platform's roots |
//! | `reverse_proxy` | hyper's server and client, bodies streaming through both ways |
//! | `websocket_echo` | tungstenite over our stream, plain blocking code |
//! | `redis_pipeline` | a protocol by its codec alone: one goroutine writes, another reads |
//! | `postgres_query` | tokio-postgres over our sockets, without tokio's runtime |
//! | `grpc_hello` | tonic's codec and prost over hyper, unary and streaming |
//! | `unchanged` | `ureq` and `postgres`, which know nothing of us |
//! | `tokio_beside` | tokio's runtime in the same process, work handed over both ways |
//!
//! They are a package of their own for what they depend on. `tests/peers.rs` tries them against programs of others; `ci/net.sh` installs those.
#![forbid(unsafe_code)]
