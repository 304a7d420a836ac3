"""Writes the schemas of kernel-ext/sweep/testdata: what the manifests use of the published ones, without their descriptions.

    go mod download k8s.io/kubernetes@v1.37.2 github.com/kubeflow/trainer/v2@v2.0.0 github.com/kubeflow/katib@v0.19.0
    python kubernetes_schemas.py "$(go env GOMODCACHE)" ../sweep/testdata
"""
import json
import pathlib
import sys

import yaml

KUBERNETES, TRAINER, KATIB = "v1.37.2", "v2.0.0", "v0.19.0"


def stripped(schema):
    """A schema without what only people read."""
    if isinstance(schema, list):
        return [stripped(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: {name: stripped(s) for name, s in v.items()} if k == "properties" else stripped(v)
            for k, v in schema.items() if k not in ("description", "default")}


def references(schema):
    if isinstance(schema, list):
        for s in schema:
            yield from references(s)
    elif isinstance(schema, dict):
        for k, v in schema.items():
            if k == "$ref":
                yield v.rsplit("/", 1)[1]
            else:
                yield from references(v)


def with_references(published, wanted):
    """The wanted schemas and all to which they refer."""
    used = {}
    while wanted:
        if (name := wanted.pop()) not in used:
            used[name] = stripped(published[name])
            wanted += references(used[name])
    return used


def write(path, value):
    path.write_text(json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n")


def main(modules, out):
    published = {}
    for file in ("api__v1_openapi.json", "apis__batch__v1_openapi.json"):
        text = pathlib.Path(modules, f"k8s.io/kubernetes@{KUBERNETES}/api/openapi-spec/v3", file).read_text()
        published |= json.loads(text)["components"]["schemas"]
    used = with_references(published, ["io.k8s.api.batch.v1.Job", "io.k8s.api.core.v1.ConfigMap"])
    write(out / "kubernetes.json", {"version": KUBERNETES, "components": {"schemas": used}})
    kinds = {}
    for file in ("trainjobs", "trainingruntimes"):
        text = pathlib.Path(modules, f"github.com/kubeflow/trainer/v2@{TRAINER}/manifests/base/crds/trainer.kubeflow.org_{file}.yaml").read_text()
        definition = yaml.safe_load(text)["spec"]
        for version in definition["versions"]:
            kinds[f'{definition["group"]}/{version["name"]}/{definition["names"]["kind"]}'] = stripped(version["schema"]["openAPIV3Schema"])
    write(out / "kubeflow-trainer.json", {"version": TRAINER, "schemas": kinds})
    # The CRD of Katib names no fields.
    text = pathlib.Path(modules, f"github.com/kubeflow/katib@{KATIB}/api/openapi-spec/swagger.json").read_text()
    write(out / "katib.json", {"version": KATIB, "components": {"schemas": with_references(json.loads(text)["components"]["schemas"], ["v1beta1.ExperimentSpec"])}})


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
