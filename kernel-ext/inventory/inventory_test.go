package inventory

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/kernel-ext/setup"
)

func checkout(t *testing.T) string {
	t.Helper()
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestOf lists the project's own components: each program's modules as the go command names them, and each Python package as
// pip does, with licences that may be passed on.
func TestOf(t *testing.T) {
	root := checkout(t)
	all, err := Of(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(all); err != nil {
		t.Error(err)
	}
	listed := map[string]Component{}
	for _, c := range all {
		if _, twice := listed[c.URL]; twice {
			t.Errorf("%s is listed twice", c.URL)
		}
		listed[c.URL] = c
	}
	programs := 0
	for _, name := range []string{"gantry", "gantry-cell", "gonb", "gonb-engine", "goimports", "gopls"} {
		text, err := exec.Command("go", "version", "-m", filepath.Join(root, "bin", name)).Output()
		if err != nil {
			t.Fatal(err)
		}
		programs++
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 4 || fields[0] != "dep" {
				continue
			}
			c, is := listed["pkg:golang/"+fields[1]+"@"+fields[2]]
			if !is || !slices.Contains(c.Sums, fields[3]) || len(c.Texts) == 0 {
				t.Errorf("%s is linked of %s %s %s, and the list has %v with %d texts", name, fields[1], fields[2], fields[3], c.Sums, len(c.Texts))
			}
		}
	}
	text, err := exec.Command(filepath.Join(root, ".venv", "bin", "python"), "-m", "pip", "list", "--format=json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var installed []struct{ Name, Version string }
	if err := json.Unmarshal(text, &installed); err != nil || len(installed) < 50 {
		t.Fatalf("pip lists %d packages: %v", len(installed), err)
	}
	for _, p := range installed {
		if _, is := listed["pkg:pypi/"+plainName(p.Name)+"@"+p.Version]; !is {
			t.Errorf("%s %s is installed and not listed", p.Name, p.Version)
		}
	}
	notices := string(Notices(all))
	for _, c := range all {
		if !strings.Contains(notices, c.Name+" "+c.Version+" ("+c.Licence+")") {
			t.Errorf("%s is not in the notices", c.URL)
		}
	}
	for _, text := range []string{"Copyright 2009 The Go Authors", "Project Jupyter Contributors"} {
		if !strings.Contains(notices, text) {
			t.Errorf("the notices lack %q", text)
		}
	}
}

// TestCheck wants what may not be passed on, and what is not known, named.
func TestCheck(t *testing.T) {
	text := []Text{{"LICENSE", "words"}}
	for name, c := range map[string]struct {
		licence string
		texts   []Text
		want    string
	}{
		"permissive":             {"MIT", text, ""},
		"all parts":              {"(CC-BY-4.0 AND OFL-1.1 AND MIT)", text, ""},
		"one of a choice":        {"GPL-2.0-only OR MIT", text, ""},
		"copyleft":               {"GPL-3.0-only", text, "not among those that may be passed on"},
		"a part that may not":    {"MIT AND AGPL-3.0-only", text, "not among those that may be passed on"},
		"unknown":                {"", text, "not known"},
		"the text is not there":  {"MIT", nil, "is not there"},
		"no licence of the list": {"SSPL-1.0", text, "not among"},
		"NVIDIA's":               {nvidia, text, ""},
		"NVIDIA's, without text": {nvidia, nil, "not among"},
	} {
		err := Check([]Component{{URL: "pkg:golang/a@v1", Name: "a", Version: "v1", Licence: c.licence, Texts: c.texts}})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestIdentify reads the words of licences as they occur: broken into lines, with quotes and with comment signs.
func TestIdentify(t *testing.T) {
	const bsd = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided that"
	const mit = "Permission is hereby granted, free of charge, to any person\n// obtaining a copy of this software"
	for text, want := range map[string]string{
		bsd + " the following: 3. Neither the name of the \"author\" nor the names of its contributors": "BSD-3-Clause",
		bsd + " the following two conditions":                                             "BSD-2-Clause",
		mit + ", subject to the following\nconditions: …":                                 "MIT",
		mit + ", no condition":                                                            "MIT-0",
		"Apache License\n  Version 2.0, January 2004":                                     "Apache-2.0",
		"GNU GENERAL PUBLIC LICENSE\nVersion 2":                                           "GPL",
		"GNU AFFERO GENERAL PUBLIC LICENSE":                                               "AGPL",
		mit + ", subject to the following conditions. Or: the GNU General Public License": "GPL MIT",
		"Business Source License 1.1":                                                     "BUSL-1.1",
		"\"Commons Clause\" License Condition v1.0 … Apache License Version 2.0":          "Commons-Clause Apache-2.0",
		"All rights reserved.":                                                            "",
	} {
		if got := strings.Join(identify(text), " "); got != want {
			t.Errorf("%q is taken for %q, want %q", text, got, want)
		}
	}
	for declared, want := range map[string]string{"MIT License": "MIT", "BSD": "", "UNKNOWN": "", "MPL-2.0": "MPL-2.0", "(MPL-2.0 OR Apache-2.0)": "MPL-2.0 OR Apache-2.0",
		"GPL-3.0-only": "GPL-3.0-only", "Proprietary": ""} {
		if got := canonical(declared); got != want {
			t.Errorf("%q is taken for %q, want %q", declared, got, want)
		}
	}
}

// TestForeignPackage wants a package that no lock names, or in another version, to be an error, not to be left out.
func TestForeignPackage(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, lock := range locks() {
		write("kernel-ext/setup/"+lock, "")
	}
	write("kernel-ext/setup/requirements.lock", "A_b==1.0 ; python_version < '3.12' \\\n    --hash=sha256:"+strings.Repeat("0", 64)+"\nA_b==2.0\n")
	if _, err := packages(t.Context(), root); err == nil || !strings.Contains(err.Error(), "run make setup") {
		t.Errorf("nothing is installed: %v", err)
	}
	meta := ".venv/lib/python3.11/site-packages/a_b.dist-info/METADATA"
	write(meta, "Metadata-Version: 2.1\nName: a-b\nVersion: 1.0\nLicense: BSD\nClassifier: License :: OSI Approved :: MIT License\n\nText\n")
	all, err := packages(t.Context(), root)
	if err != nil || len(all) != 1 || all[0].URL != "pkg:pypi/a-b@1.0" || all[0].Licence != "MIT" || len(all[0].Sums) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	write(meta, "Metadata-Version: 2.1\nName: a-b\nVersion: 3.0\n\n")
	if _, err := packages(t.Context(), root); err == nil || !strings.Contains(err.Error(), "another version") {
		t.Errorf("another version: %v", err)
	}
	write(meta, "Metadata-Version: 2.1\nName: other\nVersion: 3.0\n\n")
	if _, err := packages(t.Context(), root); err == nil || !strings.Contains(err.Error(), "no lock names it") {
		t.Errorf("a foreign package: %v", err)
	}
}

// TestBillOfMaterials wants the same bytes for the same components, and another number for others. That it is what the standard's
// schema wants is tested in e2e/inventory_suite.py.
func TestBillOfMaterials(t *testing.T) {
	a := []Component{{URL: "pkg:golang/a@v1", Name: "a", Version: "v1", Licence: "MIT"}}
	first, err := BillOfMaterials(a)
	if err != nil {
		t.Fatal(err)
	}
	again, err := BillOfMaterials(a)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("%v, or it differs from one time to the next", err)
	}
	a[0].Version = "v2"
	other, err := BillOfMaterials(a)
	if err != nil || bytes.Equal(first[:120], other[:120]) {
		t.Errorf("%v, or another component has the same number", err)
	}
}

// TestReadText wants the notices of old licences in letters that a reader of UTF-8 can read.
func TestReadText(t *testing.T) {
	for content, want := range map[string]string{"© Müller": "© Müller", "\xa9 M\xfcller": "© Müller", "": ""} {
		path := filepath.Join(t.TempDir(), "LICENSE")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readText(path); err != nil || got != want {
			t.Errorf("%q is read as %q (%v), want %q", content, got, err, want)
		}
	}
}
