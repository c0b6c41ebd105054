//! Small programs on threadle, one idea a file, in `examples/examples/`. Each says at its top how it is run and what it prints.
//!
//! | program | shows |
//! |---|---|
//! | `hello` | a runtime, a goroutine, its result |
//! | `ping_pong` | two goroutines on two rendezvous channels |
//! | `prime_sieve` | a chain of goroutines that grows |
//! | `fan_in` | `select!` over channels that end one after the other |
//! | `pipeline` | stages with bounded channels between them |
//! | `worker_pool` | a bounded queue, workers, a wait group |
//! | `ticker` | a ticker and a time-out |
//! | `graceful_shutdown` | a signal ends a service that finishes what it has begun |
//! | `parallel_fib` | a goroutine a call |
//! | `skynet` | a tree of a hundred thousand |
//! | `echo_server` | one goroutine a connection over TCP, and its clients |
//! | `chat` | a goroutine that owns what others would lock |
//! | `context_tree` | a request, what it started, and one cancel for all |
//! | `ranking` | work shared out by a scope; the same in Python beside it |
//! | `blocking_call` | calls that block their threads, side by side |
