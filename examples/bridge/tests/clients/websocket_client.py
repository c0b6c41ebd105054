"""A client of websocket_echo. Usage: websocket_client.py ADDRESS"""

import sys

from websockets.sync.client import connect

with connect(f"ws://{sys.argv[1]}/", compression=None) as socket:
    texts = [f"text {number}" for number in range(50)]
    for text in texts:
        socket.send(text)
    print(f"{len(texts)} texts, {sum(socket.recv(timeout=60) == text for text in texts)} came back")
    data = bytes(range(250)) * 400
    socket.send(data)
    print(f"{len(data)} bytes {'came back' if socket.recv(timeout=60) == data else 'are others'}")
    assert socket.ping().wait(60)
print(f"closed with {socket.close_code}")
