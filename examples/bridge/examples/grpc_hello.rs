//! gRPC over hyper: tonic's codec and prost's messages, written down by hand, so that no `protoc` is needed. One call, one whose answer is a
//! stream, and one that streams both ways; each handler is a goroutine that blocks where it likes.
//!
//! ```text
//! $ cargo run -p threadle-bridge --example grpc_hello
//! SayHello: hello, weaver
//! CountDown: 3 2 1 0
//! Chat: one! two! three!
//! SayHello without a name: code 3, a name is needed
//! ```
//!
//! With `serve ADDRESS` it serves until it is killed. As a `.proto` file:
//!
//! ```text
//! package hello;
//! message Text { string text = 1; }
//! message Number { uint32 number = 1; }
//! service Greeter {
//!   rpc SayHello (Text) returns (Text);
//!   rpc CountDown (Number) returns (stream Number);
//!   rpc Chat (stream Text) returns (stream Text);
//! }
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::mpsc::{self, Receiver, Sender};
use futures_util::{SinkExt, stream};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{client, server};
use threadle::net::{TcpListener, TcpStream};
use threadle::rt::{Executor, Timer};
use threadle::{block_on, go};
use tonic::body::Body;
use tonic::server::{Grpc, ServerStreamingService, StreamingService, UnaryService};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Number {
    #[prost(uint32, tag = "1")]
    number: u32,
}

/// What a handler in the blocking style gives to one that streams; few are kept, so that a slow client slows the handler.
type Answers<T> = Sender<Result<T, Status>>;

fn say_hello(name: &Text) -> Result<Text, Status> {
    if name.text.is_empty() {
        return Err(Status::invalid_argument("a name is needed"));
    }
    Ok(Text { text: format!("hello, {}", name.text) })
}

fn count_down(from: Number, mut answers: Answers<Number>) {
    for number in (0..=from.number).rev() {
        if block_on(answers.send(Ok(Number { number }))).is_err() {
            // The client has left.
            return;
        }
    }
}

fn chat(mut said: Streaming<Text>, mut answers: Answers<Text>) {
    while let Some(said) = block_on(said.message()).transpose() {
        let answer = said.map(|said| Text { text: format!("{}!", said.text) });
        if block_on(answers.send(answer)).is_err() {
            return;
        }
    }
}

type Promised<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

/// The three calls, as tonic wants them: what waits is started with `go`, the future is its handle, or a stream from it.
struct Greeter;

impl UnaryService<Text> for Greeter {
    type Response = Text;
    type Future = Promised<Text>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        let handler = go(move || say_hello(request.get_ref()));
        // A panic is the handler's own: the connection lives on.
        Box::pin(async { handler.await.map_err(|error| Status::internal(error.to_string()))?.map(Response::new) })
    }
}

impl ServerStreamingService<Number> for Greeter {
    type Response = Number;
    type ResponseStream = Receiver<Result<Number, Status>>;
    type Future = Promised<Self::ResponseStream>;

    fn call(&mut self, request: Request<Number>) -> Self::Future {
        let (answers, stream) = mpsc::channel(4);
        go(move || count_down(request.into_inner(), answers));
        Box::pin(async { Ok(Response::new(stream)) })
    }
}

impl StreamingService<Text> for Greeter {
    type Response = Text;
    type ResponseStream = Receiver<Result<Text, Status>>;
    type Future = Promised<Self::ResponseStream>;

    fn call(&mut self, request: Request<Streaming<Text>>) -> Self::Future {
        let (answers, stream) = mpsc::channel(4);
        go(move || chat(request.into_inner(), answers));
        Box::pin(async { Ok(Response::new(stream)) })
    }
}

async fn route(request: hyper::Request<Incoming>) -> Result<hyper::Response<Body>, Infallible> {
    Ok(match request.uri().path() {
        "/hello.Greeter/SayHello" => Grpc::new(ProstCodec::default()).unary(Greeter, request).await,
        "/hello.Greeter/CountDown" => Grpc::new(ProstCodec::default()).server_streaming(Greeter, request).await,
        "/hello.Greeter/Chat" => Grpc::new(ProstCodec::default()).streaming(Greeter, request).await,
        _ => Status::unimplemented("there is no such call").into_http(),
    })
}

fn serve(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        go(move || -> Fallible<()> {
            stream.set_nodelay(true)?;
            let mut server = server::conn::http2::Builder::new(Executor);
            server.timer(Timer);
            Ok(block_on(server.serve_connection(stream, service_fn(route)))?)
        });
    }
}

fn main() -> Fallible<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    threadle::run(|| match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            go(move || serve(&listener));
            ask(TcpStream::connect(address)?)
        }
        ["serve", address] => {
            let listener = TcpListener::bind(address)?;
            println!("listening on {}", listener.local_addr()?);
            serve(&listener);
            Ok(())
        }
        _ => Err("usage: grpc_hello [serve ADDRESS]".into()),
    })
}

/// hyper's connection as tonic's client wants it.
#[derive(Clone)]
struct Channel(client::conn::http2::SendRequest<Body>);

impl tower_service::Service<hyper::Request<Body>> for Channel {
    type Response = hyper::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: hyper::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

fn ask(stream: TcpStream) -> Fallible<()> {
    let (sender, connection) = block_on(client::conn::http2::handshake(Executor, stream))?;
    go(move || block_on(connection));
    let mut grpc = tonic::client::Grpc::with_origin(Channel(sender), "http://localhost".parse()?);

    let name = |text: &str| Text { text: text.to_owned() };
    block_on(grpc.ready())?;
    let path = || "/hello.Greeter/SayHello".parse();
    let hello = block_on(grpc.unary(Request::new(name("weaver")), path()?, ProstCodec::<_, Text>::default()))?;
    println!("SayHello: {}", hello.get_ref().text);

    let path_of_count = "/hello.Greeter/CountDown".parse()?;
    let count =
        grpc.server_streaming(Request::new(Number { number: 3 }), path_of_count, ProstCodec::<_, Number>::default());
    let mut count = block_on(count)?.into_inner();
    let mut numbers = Vec::new();
    while let Some(Number { number }) = block_on(count.message())? {
        numbers.push(number.to_string());
    }
    println!("CountDown: {}", numbers.join(" "));

    let said = stream::iter(["one", "two", "three"].map(name));
    let chat = grpc.streaming(Request::new(said), "/hello.Greeter/Chat".parse()?, ProstCodec::<_, Text>::default());
    let mut chat = block_on(chat)?.into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = block_on(chat.message())? {
        answers.push(answer.text);
    }
    println!("Chat: {}", answers.join(" "));

    let refused = block_on(grpc.unary(Request::new(name("")), path()?, ProstCodec::<_, Text>::default()));
    let status = refused.err().ok_or("it was to be refused")?;
    assert_eq!(status.code(), Code::InvalidArgument);
    println!("SayHello without a name: code {}, {}", status.code() as i32, status.message());
    Ok(())
}
