package record

import (
	"fmt"
	"strings"

	"gantry.local/gan/lint"
)

// OneLine makes one line of an error, without the stack that a library may have added.
func OneLine(err error) string {
	var kept []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[:min(2, len(kept))], "; ")
}

// ShortList lists the first few of many.
func ShortList(names []string, most int) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// ListDifferences lists them in a line.
func ListDifferences(differences []lint.Difference) string {
	var texts []string
	for _, d := range differences {
		texts = append(texts, d.String())
	}
	return strings.Join(texts, "; ")
}
