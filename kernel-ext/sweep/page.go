package sweep

import (
	"fmt"
	"html"
	"path/filepath"
	"strings"

	"gantry.local/kernel-ext/internal/page"
)

// Page is the sweep as one HTML page that needs no other file.
func (s *Sweep) Page() string {
	return page.Whole(filepath.Base(s.Dir), "60em", s.HTML())
}

// HTML is what Page shows, for a page that is there.
func (s *Sweep) HTML() string {
	rows := s.Rows()
	var text strings.Builder
	fmt.Fprintf(&text, "<p>%s</p>", html.EscapeString(s.summary(rows)))
	text.WriteString(s.parallel(rows) + s.bestSoFar(rows))
	page.WriteTable(&text, page.Left, s.cells(rows))
	if means := s.means(rows); len(means) > 1 {
		text.WriteString("<br>")
		page.WriteTable(&text, page.Left, means)
	}
	return text.String()
}

// Summary says in a line how many trials there are of each state, and which is best.
func (s *Sweep) Summary() string { return s.summary(s.Rows()) }

func (s *Sweep) summary(rows []Row) string {
	count := map[State]int{}
	best := ""
	for _, r := range rows {
		count[r.State]++
		if r.Best {
			best = fmt.Sprintf("; best is trial %d, %s %.5g: %s", r.Index, s.Spec.Metric, r.Value, r.Trial)
		}
	}
	parts := []string{}
	for _, state := range []State{Done, Stopped, Training, Begun, Waiting, Diverged, Refused, Failed, Died, NoRoom, Interrupted} {
		if count[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[state], state))
		}
	}
	trials := "trials"
	if len(s.Trials) == 1 {
		trials = "trial"
	}
	return fmt.Sprintf("%d %s to step %d: %s%s", len(s.Trials), trials, s.Spec.Steps, strings.Join(parts, ", "), best)
}
