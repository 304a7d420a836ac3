// Package inventory lists what the project passes on of others: the Go modules that are linked, the Python packages of the
// locks, and what JupyterLab's page is made of, each with its licence. From the list come the notices and the bill of
// materials of the container image, and the check that every licence is one that the project may pass on.
//
// Reading order: inventory.go (a component), modules.go, python.go and page.go (where they come from), licence.go (what
// a text is, and what is allowed), write.go (notices and bill of materials).
package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Component is something of others.
type Component struct {
	URL     string // package URL: pkg:golang/…, pkg:pypi/…, pkg:npm/…
	Name    string
	Version string
	Licence string // SPDX expression; "" where it is not known
	Texts   []Text // of its licence and notices
	Sums    []string
}

// Text is a file that must be passed on with a component.
type Text struct {
	Name, Body string
}

// Of lists the components of the checkout at root, which must be set up.
func Of(ctx context.Context, root string) ([]Component, error) {
	var all []Component
	for _, list := range []func(context.Context, string) ([]Component, error){modules, packages, page} {
		some, err := list(ctx, root)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Component) int { return cmp.Compare(a.URL, b.URL) })
	return slices.CompactFunc(all, func(a, b Component) bool { return a.URL == b.URL }), nil
}

// Check reports the components whose licence is not known, or neither among those that may be passed on nor NVIDIA's, and modules
// without the text of theirs.
func Check(all []Component) error {
	var problems []error
	for _, c := range all {
		switch {
		case c.Licence == "":
			problems = append(problems, fmt.Errorf("%s: its licence is not known; read it, and enter it in kernel-ext/inventory/licence.go", c.URL))
		case !allowed(c.Licence) && (c.Licence != nvidia || len(c.Texts) == 0):
			problems = append(problems, fmt.Errorf("%s: its licence, %s, is not among those that may be passed on; do without it", c.URL, c.Licence))
		case len(c.Texts) == 0 && strings.HasPrefix(c.URL, "pkg:golang/"): // of the others, makers leave it out of the package
			problems = append(problems, fmt.Errorf("%s: the text of its licence, %s, is not there", c.URL, c.Licence))
		}
	}
	return errors.Join(problems...)
}

// named finds what a component's licence is: what was read by a person, what the component declares, or what its texts are.
func (c *Component) named(declared string) {
	if read, is := readByHand()[c.Name]; is {
		c.Licence = read
		return
	}
	if c.Licence = canonical(declared); c.Licence != "" {
		return
	}
	var found []string
	for _, t := range c.Texts {
		for _, id := range identify(t.Body) {
			if !slices.Contains(found, id) {
				found = append(found, id)
			}
		}
	}
	slices.Sort(found)
	c.Licence = strings.Join(found, " AND ")
}
