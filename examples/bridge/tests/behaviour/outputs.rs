//! Each example that needs nobody else prints what its header says. The others: `peers`.

use crate::support::{promised, run};

macro_rules! examples {
    ($($name:ident),*) => {$(
        #[test]
        fn $name() {
            assert_eq!(run(stringify!($name), &[]), promised(stringify!($name)));
        }
    )*};
}

examples!(http_hello, https_get, reverse_proxy, websocket_echo, grpc_hello, unchanged, tokio_beside);
