package setup

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestVulncheck tells three data bases apart: one that knows nothing, one that knows of a fault in what is called, and one that
// is away.
func TestVulncheck(t *testing.T) {
	root := checkout(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	tool := regexp.MustCompile(`(?m)^GOVULNCHECK := (.*)$`).FindSubmatch(makefile)
	if tool == nil {
		t.Fatal("the Makefile names no govulncheck")
	}
	cache, err := output(t.Context(), root, "go", "env", "GOMODCACHE")
	if err != nil {
		t.Fatal(err)
	}
	const modified = `"2026-01-01T00:00:00Z"`
	dataBase := func(modules, faults string, entry string) string {
		dir := t.TempDir()
		for name, text := range map[string]string{"index/db.json": `{"modified":` + modified + `}`, "index/modules.json": modules,
			"index/vulns.json": faults, "ID/GO-2026-0001.json": entry} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return "file://" + dir
	}
	const fault = `{"schema_version":"1.3.1","id":"GO-2026-0001","modified":` + modified + `,"published":` + modified + `,"summary":"invented","details":"invented",
		"affected":[{"package":{"name":"stdlib","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
		"ecosystem_specific":{"imports":[{"path":"os","symbols":["Rename"]}]}}]}`
	for _, c := range []struct {
		name, dataBase, proxy, says string
		fails                       bool
	}{
		{name: "nothing is known", dataBase: dataBase(`[]`, `[]`, `{}`), says: "No vulnerabilities found"},
		{name: "a fault", dataBase: dataBase(`[{"path":"stdlib","vulns":[{"id":"GO-2026-0001","modified":`+modified+`}]}]`,
			`[{"id":"GO-2026-0001","modified":`+modified+`}]`, fault), says: "Vulnerability #1: GO-2026-0001", fails: true},
		{name: "away", proxy: "http://127.0.0.1:1", says: "NOT CHECKED"},
	} {
		cmd := exec.Command("sh", "kernel-ext/setup/vulncheck", string(tool[1]), "./kernel-ext/internal/wholefile")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOVULNDB="+c.dataBase)
		if c.proxy != "" { // the tool itself is in the module cache by now
			cmd.Env = append(cmd.Env, "HTTPS_PROXY="+c.proxy, "https_proxy="+c.proxy, "GOSUMDB=off", "GOPROXY=file://"+filepath.Join(cache, "cache", "download"))
		}
		said, err := cmd.CombinedOutput()
		if !strings.Contains(string(said), c.says) || (err != nil) != c.fails {
			t.Errorf("%s: %v, %s, want %q", c.name, err, said, c.says)
		}
	}
}
