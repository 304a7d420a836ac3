package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// page lists the JavaScript packages that JupyterLab and its extensions are bundled of, as their builds wrote them down.
func page(_ context.Context, root string) ([]Component, error) {
	share := filepath.Join(root, ".venv", "share", "jupyter")
	var files []string
	for _, pattern := range []string{"lab/static", "labextensions/*/static", "labextensions/@*/*/static"} {
		found, err := filepath.Glob(filepath.Join(share, pattern, "third-party-licenses.json"))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, errors.New("JupyterLab's list of licences is not there; run make setup")
	}
	var all []Component
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var list struct {
			Packages []struct{ Name, VersionInfo, LicenseID, ExtractedText string }
		}
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, p := range list.Packages {
			c := Component{URL: "pkg:npm/" + strings.Replace(p.Name, "@", "%40", 1) + "@" + p.VersionInfo, Name: p.Name, Version: p.VersionInfo}
			if p.ExtractedText != "" {
				c.Texts = []Text{{"LICENSE", p.ExtractedText}}
			}
			c.named(p.LicenseID)
			all = append(all, c)
		}
	}
	return all, nil
}
