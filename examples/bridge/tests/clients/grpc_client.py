"""A client of grpc_hello by gRPC's own library; the messages, one field each, are encoded by hand. Usage: grpc_client.py ADDRESS"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc


def text(value):
    data = value.encode()
    assert len(data) < 128
    return bytes([0x0A, len(data)]) + data


def text_of(message):
    return message[2:].decode()


def number(value):
    return bytes([0x08, value])


def number_of(message):
    # What is zero is not sent.
    return message[1] if message else 0


with grpc.insecure_channel(sys.argv[1]) as channel:
    call = {"request_serializer": text, "response_deserializer": text_of}
    say_hello = channel.unary_unary("/hello.Greeter/SayHello", **call)
    chat = channel.stream_stream("/hello.Greeter/Chat", **call)
    count_down = channel.unary_stream(
        "/hello.Greeter/CountDown", request_serializer=number, response_deserializer=number_of
    )
    print(say_hello("python", timeout=60))
    print(*count_down(5, timeout=60))
    print(*chat(iter(["first", "second"]), timeout=60))
    for refused in (lambda: say_hello("", timeout=60), lambda: channel.unary_unary("/hello.Greeter/No", **call)("x", timeout=60)):
        try:
            refused()
        except grpc.RpcError as error:
            print(error.code().name)
    with ThreadPoolExecutor(10) as threads:
        answers = threads.map(lambda name: say_hello(name, timeout=60) == f"hello, {name}", map(str, range(50)))
        print(sum(answers))
