package recipe

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"gantry.local/gan/internal/table"
	"gantry.local/gan/loss"
)

// Recipes is a list of recipes. A notebook shows it as a table.
type Recipes []Recipe

// ShowValue shows what each recipe is made of. The experiments are made for that; no data is loaded.
func (all Recipes) ShowValue() map[string]any {
	t := table.Table{
		Heads:  []string{"recipe", "about", "data", "generator", "critic", "loss", "penalties", "batch"},
		Words:  7,
		Remark: "recipe.Named(\"…\") makes one of them",
	}
	for _, r := range all {
		exp := r.Make()
		generator, critic := nameOf(exp.Generator), nameOf(exp.Critic)
		if exp.ClassGenerator != nil {
			generator = nameOf(exp.ClassGenerator)
		}
		if exp.ClassCritic != nil {
			critic = nameOf(exp.ClassCritic)
		}
		objective := loss.Loss(loss.NonSaturating) // the default
		if exp.Loss != nil {
			objective = exp.Loss
		}
		var penalties []string
		for _, p := range exp.Penalties {
			penalties = append(penalties, p.String())
		}
		batch := exp.BatchSize
		if batch == 0 {
			batch = 64
		}
		t.Rows = append(t.Rows, []string{r.Name, r.About, exp.Data.Name, generator, critic, objective.String(),
			strings.Join(penalties, ", "), fmt.Sprint(batch)})
	}
	return map[string]any{"text/plain": strings.TrimRight(t.String(), "\n"), "text/html": t.HTML()}
}

// nameOf is the name of a network's function: "net.MLPGenerator".
func nameOf(network any) string {
	v := reflect.ValueOf(network)
	if v.IsNil() {
		return ""
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	return strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], "-fm") // of a method's value
}
