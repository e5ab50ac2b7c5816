"""Gives out nodes of /dev as smarter-device-manager does, which no machine without a registry has: run within a node, by a
python3 with grpcio, until its standard input ends. The kubelet's messages are few and written here by hand."""

import sys
from concurrent import futures

import grpc

KUBELET = "/var/lib/kubelet/device-plugins"


def field(number, content):
    """One field of a message of protobuf: a text, or a message that is written already."""
    content = content.encode() if isinstance(content, str) else content
    assert len(content) < 128, "longer ones would need a length of two bytes"
    return bytes([number << 3 | 2, len(content)]) + content


class DevicePlugin(grpc.GenericRpcHandler):
    """v1beta1.DevicePlugin with one device, the node at `path`, which a container has as /dev/NAME."""

    def __init__(self, name, path):
        device = field(1, name) + field(2, "Healthy")
        node = field(1, f"/dev/{name}") + field(2, path) + field(3, "rw")
        self.devices, self.allocated = field(1, device), field(1, field(3, node))

    def service(self, call):
        method = call.method.rpartition("/")[2]
        if method == "ListAndWatch":
            return grpc.unary_stream_rpc_method_handler(lambda request, context: self.watched(context))
        answer = self.allocated if method == "Allocate" else b""
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer)

    def watched(self, context):
        """There is nothing to tell after the first answer, until the kubelet goes away."""
        yield self.devices
        gone = futures.Future()
        if context.add_callback(lambda: gone.set_result(None)):
            gone.result()


def main():
    servers = []
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        server.add_generic_rpc_handlers((DevicePlugin(name, path),))
        server.add_insecure_port(f"unix:{KUBELET}/smarter-{name}.sock")
        server.start()
        servers.append(server)
        with grpc.insecure_channel(f"unix:{KUBELET}/kubelet.sock") as kubelet:
            words = field(1, "v1beta1") + field(2, f"smarter-{name}.sock") + field(3, f"smarter-devices/{name}")
            kubelet.unary_unary("/v1beta1.Registration/Register")(words, timeout=10)
        print(f"smarter-devices/{name} is registered", flush=True)
    sys.stdin.read()
    for server in servers:
        server.stop(grace=None)


if __name__ == "__main__":
    main()
