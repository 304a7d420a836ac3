package gomlx

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/kernel-ext/value"
)

// row is a variable in a table.
type row struct {
	Scope      string
	Name       string
	Shape      string
	Parameters int
	Trained    bool
}

func rowOf(v *model.Variable) row {
	return row{v.Scope(), v.Name(), v.Shape().String(), v.Shape().Size(), v.Trainable}
}

// store shows the variables of a store, in the order of their creation.
func store(s *model.Store) map[string]any { return variables("store", s, "/") }

// scope shows the variables at and below a scope.
func scope(s *model.Scope) map[string]any {
	return variables("scope "+s.Scope(), s.Store(), strings.TrimSuffix(s.Scope(), "/")+"/")
}

func variables(title string, s *model.Store, below string) map[string]any {
	var rows []row
	trained, kept, bytes := 0, 0, int64(0)
	for v := range s.IterVariables() {
		if !strings.HasPrefix(v.Path(), below) {
			continue
		}
		r := rowOf(v)
		rows = append(rows, r)
		bytes += v.Shape().ByteSize()
		if r.Trained {
			trained += r.Parameters
		} else {
			kept += r.Parameters
		}
	}
	title = fmt.Sprintf("%s of %d variables: %d numbers that are trained, %d that are not, %s", title, len(rows), trained, kept, size(bytes))
	if len(rows) == 0 {
		return line(title)
	}
	b := value.TableOf(rows)
	return map[string]any{"text/plain": title + "\n" + string(b["text/plain"]), "text/html": page(title, "", string(b["text/html"]))}
}

// variable shows a variable and its value, where it has one.
func variable(v *model.Variable) map[string]any {
	title := fmt.Sprintf("variable %s, %s", v.Path(), v.Shape())
	if !v.Trainable {
		title += ", not trained"
	}
	if !v.HasValue() {
		return line(title + ", without a value yet")
	}
	t, err := v.Value()
	if err != nil {
		return line(title + ", whose value cannot be read: " + err.Error())
	}
	shown := tensor(t)
	text, _ := shown["text/plain"].(string)
	content := map[string]any{"text/plain": title + "\n" + text}
	if html, is := shown["text/html"].(string); is {
		content["text/html"] = page(title, "", html)
	}
	return content
}

// size is a number of bytes for a person.
func size(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%.3g MB", float64(bytes)/1e6)
}
