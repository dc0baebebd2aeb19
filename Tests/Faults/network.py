"""Machines of a network of their own: a network namespace each, with cables that can be pulled. Needs root and iproute2."""

import os
import subprocess
import time

NETWORKS = ("clients", "engine", "routes")


def ip(*words, box=None):
    prefix = box.prefix if box else []
    subprocess.run([*prefix, "ip", *words], check=True, capture_output=True)


def is_possible():
    """Whether this machine lets us make networks."""
    return subprocess.run(["unshare", "-n", "ip", "link", "add", "probe", "type", "bridge"],
                          capture_output=True).returncode == 0


class Network:
    """Switches, one for each kind of traffic; the process that makes it is on all of them, and in a namespace of its own."""

    def __init__(self):
        self.boxes = []
        ip("link", "set", "lo", "up")
        for number, name in enumerate(NETWORKS):
            ip("link", "add", name, "type", "bridge")
            ip("addr", "add", f"10.77.{number}.1/24", "dev", name)
            ip("link", "set", name, "up")

    def box(self, number, *networks):
        self.boxes.append(Box(number, networks))
        return self.boxes[-1]

    def close(self):
        for box in self.boxes:
            box.close()


class Box:
    """A machine on some of the networks; its number is the end of its addresses."""

    def __init__(self, number, networks):
        self.number = number
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-n"]
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.holder.pid}/ns/net") == own:
            time.sleep(0.005)
        ip("link", "set", "lo", "up", box=self)
        for name in networks:
            ip("link", "add", self.cable(name), "type", "veth", "peer", "name", name, "netns", str(self.holder.pid))
            ip("link", "set", self.cable(name), "master", name)
            ip("addr", "add", f"{self.address(name)}/24", "dev", name, box=self)
            ip("link", "set", name, "up", box=self)
            self.join(name)

    def cable(self, network):
        return f"{network}{self.number}"

    def address(self, network):
        return f"10.77.{NETWORKS.index(network)}.{self.number}"

    def cut(self, network):
        """Nothing goes through any more, and nobody is told."""
        ip("link", "set", self.cable(network), "down")

    def join(self, network):
        ip("link", "set", self.cable(network), "up")

    def close(self):
        self.holder.kill()
        self.holder.wait()
