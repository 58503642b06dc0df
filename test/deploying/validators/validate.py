"""Validates Kubernetes objects, read as a JSON list from stdin, against models that were made from the definitions of
Kubernetes, KEDA and Knative. Fields that a model does not know are errors. Prints one line for each error."""

import json
import sys

from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.knative_serving.serving import v1 as knative
from cloudcoil.models.kubernetes.batch import v1 as batch

MODELS = {
    ("batch/v1", "CronJob"): batch.CronJob,
    ("keda.sh/v1alpha1", "ScaledJob"): keda.ScaledJob,
    ("keda.sh/v1alpha1", "TriggerAuthentication"): keda.TriggerAuthentication,
    ("serving.knative.dev/v1", "Service"): knative.Service,
}


def unknown_fields(given, known, path):
    """Returns the paths that the model dropped."""
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(known, dict) or key not in known:
                yield f"{path}.{key}"
            else:
                yield from unknown_fields(value, known[key], f"{path}.{key}")
    elif isinstance(given, list):
        for i, value in enumerate(given):
            yield from unknown_fields(value, known[i], f"{path}[{i}]")


for given in json.load(sys.stdin):
    name = f"{given['kind']} {given['metadata']['name']}"
    try:
        model = MODELS[given["apiVersion"], given["kind"]].model_validate(given)
    except Exception as error:
        print(f"{name}: {error}")
        continue
    known = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for path in unknown_fields(given, known, name):
        print(f"{path}: unknown field")
