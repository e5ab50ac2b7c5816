"""The admission policies, evaluated as the API server does: each expression of CEL on a pod and its namespace."""

from functools import cache

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel


def split(text, separator):
    """`split` of Kubernetes' CEL."""
    return celtypes.ListType([celtypes.StringType(part) for part in str(text).split(str(separator))])


def substring(text, begin, end):
    """`substring` of Kubernetes' CEL."""
    if not 0 <= begin <= end <= len(text):
        raise celpy.CELEvalError(f"substring({begin}, {end}) of {text!r}")
    return celtypes.StringType(str(text)[int(begin) : int(end)])


# What the standard does not have and Kubernetes does, as far as the policies use it.
FUNCTIONS = {"split": split, "substring": substring, "dyn": lambda value: value}
ENVIRONMENT = celpy.Environment()


@cache
def program(expression):
    """A compiled expression."""
    return ENVIRONMENT.program(ENVIRONMENT.compile(expression), functions=FUNCTIONS)


def selected(selector, namespace):
    """Whether a label selector takes a namespace."""
    labels = {"kubernetes.io/metadata.name": namespace["metadata"]["name"], **(namespace["metadata"].get("labels") or {})}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], expression.get("values") or []
        verdict = {
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
        }[expression["operator"]]
        if not verdict:
            return False
    return True


def refusals(objects, pod, namespace, operation="CREATE", resource="pods"):
    """The messages of all validations that refuse a pod in a namespace; what can not be evaluated refuses too."""
    policies = {item["metadata"]["name"]: item for item in objects if item["kind"] == "ValidatingAdmissionPolicy"}
    for binding in (item for item in objects if item["kind"] == "ValidatingAdmissionPolicyBinding"):
        policy = policies[binding["spec"]["policyName"]]["spec"]
        selector = (binding["spec"].get("matchResources") or {}).get("namespaceSelector") or {}
        if "Deny" not in binding["spec"]["validationActions"] or not selected(selector, namespace):
            continue
        rules = policy["matchConstraints"]["resourceRules"]
        if any(resource in rule["resources"] and operation in rule["operations"] for rule in rules):
            yield from judged(policy, {"metadata": {}, **pod}, namespace)


def judged(policy, pod, namespace):
    """What one policy has against a pod."""
    variables = celtypes.MapType()
    given = {
        "object": json_to_cel(pod),
        "namespaceObject": json_to_cel({"metadata": {"labels": {}, **namespace["metadata"]}}),
        "variables": variables,
    }
    for variable in policy.get("variables") or []:
        variables[celtypes.StringType(variable["name"])] = program(variable["expression"]).evaluate(given)
    for validation in policy["validations"]:
        try:
            allowed = program(validation["expression"]).evaluate(given)
        except celpy.CELEvalError as error:
            yield f"{validation['message']} ({error})"
            continue
        if not allowed:
            yield validation["message"]


def problems(policies, rendered):
    """The pods of an overlay that the policies would refuse."""
    for pod in rendered.pods():
        for message in refusals(policies, pod.template, rendered.namespace(pod.namespace)):
            yield f"{pod.name} is refused by the policies: {message}"
