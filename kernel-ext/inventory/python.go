package inventory

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// locks name the Python packages that may be installed: the hub's in the image alone, CUDA's where a person asks for them.
func locks() []string {
	return []string{"requirements.lock", "requirements-hub.lock", "requirements-cuda.lock"}
}

// locked matches a package's line in a lock; the lines of its sums follow.
var (
	locked = regexp.MustCompile(`^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)`)
	sumOf  = regexp.MustCompile(`--hash=sha256:([0-9a-f]{64})`)
)

// packages lists the Python packages that are installed. Each must be the version that a lock names, but for those with which
// a virtual environment begins.
func packages(_ context.Context, root string) ([]Component, error) {
	sums := map[string]map[string][]string{} // by name and version: one Python takes this version, another that
	for _, lock := range locks() {
		text, err := os.ReadFile(filepath.Join(root, "kernel-ext", "setup", lock))
		if err != nil {
			return nil, err
		}
		var name, version string
		for line := range strings.Lines(string(text)) {
			if found := locked.FindStringSubmatch(line); found != nil {
				name, version = plainName(found[1]), found[2]
				if sums[name] == nil {
					sums[name] = map[string][]string{}
				}
				sums[name][version] = []string{}
			}
			for _, found := range sumOf.FindAllStringSubmatch(line, -1) {
				sums[name][version] = append(sums[name][version], "sha256:"+found[1])
			}
		}
	}
	installed, err := filepath.Glob(filepath.Join(root, ".venv", "lib", "python3*", "site-packages", "*.dist-info"))
	if err != nil {
		return nil, err
	}
	if len(installed) == 0 {
		return nil, errors.New("no Python package is installed; run make setup")
	}
	var all []Component
	for _, dir := range installed {
		c, err := installedPackage(dir)
		if err != nil {
			return nil, err
		}
		_, named := sums[c.Name]
		c.Sums = sums[c.Name][c.Version]
		switch {
		case !named && c.Name != "pip" && c.Name != "setuptools":
			return nil, fmt.Errorf("%s %s is installed and no lock names it; run bin/gantry setup --repair", c.Name, c.Version)
		case named && c.Sums == nil:
			return nil, fmt.Errorf("%s %s is installed and the locks name another version; run make setup", c.Name, c.Version)
		}
		all = append(all, c)
	}
	return all, nil
}

// installedPackage reads what pip keeps of a package.
func installedPackage(dir string) (c Component, err error) {
	f, err := os.Open(filepath.Join(dir, "METADATA"))
	if err != nil {
		return c, err
	}
	defer f.Close()
	message, err := mail.ReadMessage(bufio.NewReader(f)) // the form is that of a mail's header
	if err != nil {
		return c, fmt.Errorf("%s: %w", f.Name(), err)
	}
	head := message.Header
	c.Name, c.Version = plainName(head.Get("Name")), head.Get("Version")
	c.URL = "pkg:pypi/" + c.Name + "@" + c.Version
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || !passedOn.MatchString(d.Name()) && !strings.HasPrefix(name, "licenses"+string(filepath.Separator)) {
			return err
		}
		body, err := readText(path)
		c.Texts = append(c.Texts, Text{name, body})
		return err
	})
	if err != nil {
		return c, err
	}
	declared := head.Get("License-Expression")
	if declared == "" {
		declared = head.Get("License")
	}
	if canonical(declared) == "" { // BSD, say, is the name of several
		for _, class := range head["Classifier"] {
			if at := strings.LastIndex(class, " :: "); strings.HasPrefix(class, "License") && at >= 0 {
				if id := canonical(class[at+4:]); id != "" {
					declared = id
				}
			}
		}
	}
	c.named(declared)
	return c, nil
}

// plainName is the form of a package's name in which two names of one package are equal.
func plainName(name string) string {
	return strings.ToLower(regexp.MustCompile(`[-_.]+`).ReplaceAllString(name, "-"))
}
