#!/usr/bin/env python3
"""uWebSockets, to compare with: PyPI's `socketify`, which is its C++ with handlers in Python.

    uws.py PORT [CERTIFICATE KEY]

For fan-out, which is C++ alone: a POST is a call of Python, and no fair measure of it. Whatever is posted, a message of
500 bytes goes out, since reading bodies is what ends this version of `socketify`. It checks no token and no JSON.
"""
import os
import sys

from socketify import App, AppListenOptions, AppOptions, CompressOptions

port, files = int(sys.argv[1]), sys.argv[2:]
message = '{"type":"portFound","nonce":"00000000","notes":"' + "x" * 450
message = message[:498] + '"}'
app = App(AppOptions(cert_file_name=files[0], key_file_name=files[1], passphrase="")) if files else App()


def opened(socket):
    socket.subscribe("bench")


def publish(response, request):
    app.publish("bench", message, 1)
    response.write_status("202 Accepted").end("{}")


app.ws("/subscribe", {"compression": CompressOptions.DISABLED, "idle_timeout": 0, "open": opened})
app.post("/publish/:scan", publish)
app.listen(AppListenOptions(port=port, host="127.0.0.1"), lambda _: None)
app.run()
os._exit(0)
