package cell

import (
	"errors"
	"os"
)

// ErrUnknown says that nothing has been learned, or nothing that holds any more, about packages.
var ErrUnknown = errors.New("it is not known where these packages are compiled")

// Archives returns where the packages that a cell with these imports needs lie, compiled, by import path; package unsafe lies nowhere.
// goTool is the go command or the link that stands for it, dir the folder where cells are built, and env what they are built with. The
// error is ErrUnknown where the go command must be asked.
func Archives(goTool, dir string, env, imports []string) (map[string]string, error) {
	if real, err := os.Readlink(goTool + RealSuffix); err == nil {
		goTool = real
	}
	cache := lookup(env, EnvCache)
	_, key := readCircumstances(goTool, dir, nil, env)
	if cache == "" || key == "" {
		return nil, ErrUnknown
	}
	p := readPlan(planFile(cache, key))
	if p == nil {
		return nil, ErrUnknown
	}
	packages := p.covers(imports)
	if packages == nil {
		return nil, ErrUnknown
	}
	found := map[string]string{}
	for _, c := range packages {
		found[c.Path] = c.Archive
	}
	return found, nil
}
