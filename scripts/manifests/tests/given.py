"""What the tests begin from: real overlays, rendered once, of which each test gets a copy to spoil."""

import copy

import overlays
import refused


def rendered(path):
    """A copy of an overlay."""
    return copy.deepcopy(overlays.render(next(overlay for overlay in overlays.OVERLAYS if overlay.path == path)))


def pod(overlay, name):
    """The pod of a workload of that name, such as DaemonSet/gpiod."""
    return next(pod for pod in overlay.pods() if pod.name == name)


def container(overlay, name):
    """The first container of that pod."""
    return pod(overlay, name).spec["containers"][0]


def restricted():
    """A pod that the level restricted lets through, with one container."""
    return overlays.pod_of(refused.restricted())
