"""The bill of materials against the schema of its standard."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from place import ROOT


class BillOfMaterials(unittest.TestCase):
    def test_schema(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "sbom.json")
            subprocess.run(["go", "run", "./kernel-ext/cmd/gantry-inventory", "sbom", str(file)], cwd=ROOT, check=True,
                           env=os.environ | {"GANTRY_ROOT": str(ROOT)})
            text = file.read_text()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
        urls = {c["purl"] for c in json.loads(text)["components"]}
        self.assertEqual({"pkg:golang", "pkg:pypi", "pkg:npm"}, {u.split("/")[0] for u in urls})
        self.assertGreater(len(urls), 300)

    def test_schema_refuses(self):
        """The validator would say so."""
        self.assertIsNotNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str('{"bomFormat": "CycloneDX", "specVersion": "1.6", "colour": 1}'))
