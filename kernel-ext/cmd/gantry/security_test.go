package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gantry.local/kernel-ext/setup"
)

// TestSecurityPage wants each test that docs/security.md names, and a test for each boundary at which something is checked by us.
func TestSecurityPage(t *testing.T) {
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, top := range []string{"gan", "kernel-ext"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_suite.py") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				there[found[1]] = true
			}
			class := ""
			for _, found := range regexp.MustCompile(`(?m)^class (\w+)|^    def (test_\w+)`).FindAllStringSubmatch(string(text), -1) {
				if found[1] != "" {
					class = found[1]
				}
				there[strings.TrimSuffix(filepath.Base(path), ".py")+"."+class+"."+found[2]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+|\\w+_suite\\.\\w+\\.\\w+)`").FindAllStringSubmatch(string(page), -1)
	for _, name := range named {
		if !there[name[1]] {
			t.Errorf("docs/security.md names the test %s, which is not there", name[1])
		}
	}
	if len(named) < 40 {
		t.Errorf("docs/security.md names %d tests", len(named))
	}
}

// TestImageIsPinned wants the bases of the image by digest, and its user by number, which Kubernetes can tell from root.
func TestImageIsPinned(t *testing.T) {
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	pinned := map[string]bool{}
	for _, arg := range regexp.MustCompile(`(?m)^ARG (\w+)=\S+:\S+@sha256:[0-9a-f]{64}$`).FindAllStringSubmatch(string(text), -1) {
		pinned["${"+arg[1]+"}"] = true
	}
	bases, stages := 0, map[string]bool{}
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)(?: AS (\S+))?$`).FindAllStringSubmatch(string(text), -1) {
		switch {
		case stages[from[1]]:
		case pinned[from[1]]:
			bases++
		default:
			t.Errorf("FROM %s is no base with a tag and a digest, and no stage before", from[1])
		}
		stages[from[2]] = true
	}
	users := regexp.MustCompile(`(?m)^USER (\S+)`).FindAllStringSubmatch(string(text), -1)
	for _, user := range users {
		if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user[1]) {
			t.Errorf("USER %s is no number of a user other than root", user[1])
		}
	}
	if bases != 2 || len(users) != 2 {
		t.Errorf("%d bases and %d users, want 2 and 2", bases, len(users))
	}
	if !strings.Contains(string(text), "\nVOLUME /home/learner\n") {
		t.Error("the home folder, with notebooks and runs, is no volume")
	}
}
