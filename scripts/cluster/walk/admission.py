"""Who is let in: Pod Security's level restricted, the admission policies of k8s/overlays/policy, and its quotas, by the
API server's own verdict on the pods that scripts/manifests judges by evaluating the same rules."""

import json
import sys
from contextlib import contextmanager

from cluster import APPS, GPIOD, until
from deployment import ROOT
from dryrun import objects, rendered
from pods import templates, verdicts
from report import Failed, Gone, NotRun
from running import lamps

sys.path.append(str(ROOT / "scripts/manifests"))
import refused  # noqa: E402  It is beside the checks, whose tests begin from the same pods.

POLICY = "policy"
HERE, ELSEWHERE = "gpiod-walk-apps", "gpiod-walk-elsewhere"
OLDER = "older"


def pod_security(walk):
    """The namespace of the apps enforces restricted: all that is beyond it is refused, and the overlays' pods are not."""
    walk.cluster.needs(23, "Pod Security admission")
    level = walk.cluster.get("namespace", APPS)["metadata"]["labels"].get("pod-security.kubernetes.io/enforce")
    if level != "restricted":
        raise Failed(f"{APPS} enforces restricted", level)
    let_in = [refused.restricted()]
    names = ["a plain pod"]
    for overlay in ("device-plugin", "watcher", "periodic"):
        for name, namespace, pod in templates(objects(walk.cluster, overlay)):
            if namespace == APPS:
                names.append(f"{overlay}'s {name}")
                let_in.append(pod)
    for name, verdict in zip(names, verdicts(walk.cluster, APPS, let_in)):
        if verdict:
            raise Failed(f"{name} is let in", verdict[1])
    beyond = [refused.spoilt(refused.restricted(), path, value) for path, value, _ in refused.BEYOND_RESTRICTED]
    # An app that mounts its group's directory: what the other overlays do, whose namespace enforces nothing.
    beyond += [pod for _, space, pod in templates(objects(walk.cluster, "hostpath")) if space == APPS]
    told = judged(verdicts(walk.cluster, APPS, beyond), [(p, "PodSecurity") for p in beyond])
    return f"let in: {', '.join(names)}; {told}"


def judged(found, cases):
    """Fails where a pod was let in, or refused for another reason than it was to be. A pod that is none of Kubernetes' own
    is refused too, by a rule that is older than all others."""
    by_rule = by_kind = 0
    for verdict, (case, said) in zip(found, cases):
        if verdict is None:
            raise Failed(f"refused, for {said!r}", f"let in: {json.dumps(case['spec'])}")
        how, words = verdict
        if how == "invalid":
            by_kind += 1
        elif said not in words:
            raise Failed(f"refused for {said!r}", f"{words}: {json.dumps(case['spec'])}")
        else:
            by_rule += 1
    return f"refused: {by_rule} with the reason expected, {by_kind} more as invalid altogether"


@contextmanager
def applied(walk):
    """The policies and quotas of the overlay, in force; and two namespaces for pods that are judged by them."""
    manifests = rendered(POLICY)
    spaces = [(HERE, refused.APPS), (ELSEWHERE, refused.NO)]
    try:
        for name, labels in spaces:
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            walk.cluster.kubectl("apply", "--filename", "-", given=json.dumps(space))
            until(f"pods may be made in {name}", lambda: account(walk, name), bool, limit=60)
            walk.cluster.kubectl("create", "--namespace", name, "--filename", "-", given=json.dumps(older()))
        walk.cluster.kubectl("apply", "--filename", "-", given=manifests)
        bad = [refused.that_mounts("/run/gpiod")]
        for name, _ in spaces:
            until(f"the policies are in force in {name}", lambda: verdicts(walk.cluster, name, bad), all, limit=60)
        yield
    finally:
        walk.cluster.kubectl("delete", "--ignore-not-found", "--filename", "-", given=manifests)
        walk.cluster.kubectl("delete", "--ignore-not-found", "namespace", HERE, ELSEWHERE)


def older():
    """A pod that is there before the policies, and that they would refuse. Nobody gives it a node."""
    pod = refused.that_mounts("/run/gpiod")
    pod["metadata"] |= {"name": OLDER, "labels": {"old": "yes"}}
    pod["spec"]["schedulerName"] = "nobody"
    return pod


def account(walk, namespace):
    return walk.cluster.get("serviceaccounts", "--namespace", namespace)["items"]


def policies(walk, node):
    """What scripts/manifests says of the policies, the API server says too; and apps are made anew under them."""
    walk.cluster.needs(30, "a ValidatingAdmissionPolicy")
    if not walk.cluster.own:
        raise NotRun("this cluster is not ours to make laws for")
    with applied(walk):
        told = [expressions(walk), apps(walk), elsewhere(walk), let_go(walk), debugged(walk, node), quotas(walk)]
        pod = walk.cluster.pod(APPS, "traffic-light", node)
        walk.cluster.kubectl("delete", "--namespace", APPS, "pod", pod)
        until("another traffic light", lambda: walk.cluster.on(APPS, "traffic-light"), lambda there: there == walk.nodes)
        told.append(f"a traffic light is made anew under them: {lamps(walk, node)}")
    return "; ".join(told)


def expressions(walk):
    """The API server compiles each expression, and says where types do not fit."""
    found = []
    for item in walk.cluster.get("validatingadmissionpolicies")["items"]:
        if item["metadata"]["name"].startswith("gpiod-"):
            name = item["metadata"]["name"]
            seen = until(
                f"{name}'s expressions are looked at",
                lambda: walk.cluster.get("validatingadmissionpolicy", name)["status"],
                lambda status: "typeChecking" in status,
                limit=60,
            )
            found += [f"{name}: {w['fieldRef']}: {w['warning']}" for w in seen["typeChecking"].get("expressionWarnings", [])]
    if found:
        raise Failed("no expression is warned of", "; ".join(found))
    return "no expression is warned of"


def apps(walk):
    """In a namespace that has some groups."""
    let_in = [refused.with_group()]
    let_in += [refused.spoilt(refused.restricted(), path, value) for path, value in refused.WITHIN_RESTRICTED]
    cases = [(refused.spoilt(refused.with_group(), path, value), said) for path, value, said in refused.BEYOND_APPS]
    # No level of Pod Security is enforced here, so it is the policy that refuses.
    beyond = refused.BEYOND_RESTRICTED
    cases += [(refused.spoilt(refused.restricted(), path, value), "gpiod-apps") for path, value, _ in beyond]
    for path, let in refused.DIRECTORIES.items():
        pod = refused.with_group()
        pod["spec"]["volumes"][0]["hostPath"]["path"] = path
        if let:
            let_in.append(pod)
        else:
            cases.append((pod, "of the host a pod mounts nothing but"))
    for resource, let in refused.RESOURCES.items():
        pod = refused.that_asks(resource, refused.restricted())
        if let:
            let_in.append(pod)
        else:
            cases.append((pod, "a pod gets gpiod.local/NAME where"))
    wrong = [why for why in verdicts(walk.cluster, HERE, let_in) if why]
    if wrong:
        raise Failed("a pod with its namespace's groups is let in", wrong)
    return f"of apps let in: {len(let_in)}, {judged(verdicts(walk.cluster, HERE, [pod for pod, _ in cases]), cases)}"


def elsewhere(walk):
    """In a namespace whose labels say no, and in the daemon's."""
    mounts = [refused.that_mounts(path) for path in refused.SOCKETS]
    cases = [(pod, "are for namespaces with the label") for pod in mounts]
    cases.append((refused.that_asks("gpiod.local/door"), "a pod gets gpiod.local/NAME where"))
    told = judged(verdicts(walk.cluster, ELSEWHERE, [pod for pod, _ in cases]), cases)
    let_in = [refused.that_mounts(path) for path in refused.OTHERS]
    wrong = [why for why in verdicts(walk.cluster, ELSEWHERE, let_in) + verdicts(walk.cluster, GPIOD, mounts) if why]
    if wrong:
        raise Failed("what is not gpiod's, and the daemon's own namespace, is left alone", wrong)
    return f"elsewhere let in: {len(let_in)}, {told}"


def let_go(walk):
    """A pod that is older than the policies may be changed as Kubernetes allows: a label goes, as a finalizer would."""
    for space in (HERE, ELSEWHERE):
        walk.cluster.kubectl("label", "--namespace", space, "pod", OLDER, "old-")
    return "pods that are older lose a label"


def debugged(walk, node):
    """A privileged container that is put into a running app afterwards."""
    name = walk.cluster.pod(APPS, "traffic-light", node)
    pod = walk.cluster.get("pod", "--namespace", APPS, name)
    # Of this namespace Pod Security is a judge, too, who comes first.
    level = "pod-security.kubernetes.io/enforce"
    walk.cluster.kubectl("label", "--overwrite", "namespace", APPS, f"{level}=privileged")
    pod["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "a", "securityContext": {"privileged": True}}]
    where = f"/api/v1/namespaces/{APPS}/pods/{name}/ephemeralcontainers?dryRun=All"
    try:
        try:
            walk.cluster.kubectl("replace", "--raw", where, "--filename", "-", given=json.dumps(pod))
        except Gone as error:
            words = str(error)
        else:
            raise Failed("a privileged container is not put into a running app", "it was")
    finally:
        walk.cluster.kubectl("label", "--overwrite", "namespace", APPS, f"{level}=restricted")
    if "gpiod-apps" not in words:
        raise Failed("it is refused by the policy", words)
    return "a privileged container for a running app: refused"


def quotas(walk):
    """Line groups are counted, those in use too."""
    used = walk.cluster.get("resourcequota", "--namespace", APPS, "gpio")
    until(
        "the groups in use are counted",
        lambda: walk.cluster.get("resourcequota", "--namespace", APPS, "gpio").get("status", {}).get("used", {}),
        lambda u: u.get(f"requests.{walk.domain}/traffic-light") == str(len(walk.nodes)),
        limit=60,
    )
    light, hard = f"{walk.domain}/traffic-light", used["spec"]["hard"]
    left = int(hard[f"requests.{light}"]) - len(walk.nodes)
    pods = [refused.that_asks(light, refused.restricted()) for _ in range(2)]
    for pod, number in zip(pods, (left, left + 1)):
        pod["spec"]["containers"][0]["resources"]["limits"][light] = number
    pods.append(refused.that_asks(f"{walk.domain}/light-sensor.watch", refused.restricted()))
    fits, exceeds, never = verdicts(walk.cluster, APPS, pods)
    if fits or not exceeds or "exceeded quota: gpio" not in exceeds[1] or not never or "exceeded quota" not in never[1]:
        raise Failed(f"{left} more traffic lights are let in, one more than that is not", [fits, exceeds, never])
    # Somebody lets a namespace have the group, and its quota says how many: none.
    label = "group.gpiod.local/traffic-light"
    walk.cluster.kubectl("label", "--overwrite", "namespace", "default", f"{label}=hold")
    try:
        [none] = verdicts(walk.cluster, "default", [refused.that_asks(light)])
    finally:
        walk.cluster.kubectl("label", "namespace", "default", f"{label}-")
    if not none or "exceeded quota: gpio" not in none[1]:
        raise Failed("the quota of `default` lets nobody have a traffic light", none)
    return f"the quota counts {len(walk.nodes)} traffic lights, lets {left} more in and refuses one beyond; in default, each"
