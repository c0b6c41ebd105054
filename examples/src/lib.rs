//! Small programs on threadle, one idea a file, in `examples/examples/`. Each says at its top how it is run and what it prints.
//!
//! | program | shows |
//! |---|---|
//! | `hello` | a runtime, a goroutine, its result |
//! | `ping_pong` | two goroutines on two rendezvous channels |
//! | `worker_pool` | a bounded queue, workers, a wait group |
//! | `echo_server` | one goroutine a connection over TCP, and its clients |
//! | `blocking_call` | calls that block their threads, side by side |
