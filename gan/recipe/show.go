package recipe

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/internal/table"
	"gantry.local/gan/loss"
)

// Recipes is a list of recipes. A notebook shows it as a table.
type Recipes []Recipe

// ShowValue shows what each recipe is made of. The experiments are made for that; no data is loaded.
func (all Recipes) ShowValue() map[string]any {
	t := table.Table{
		Heads:  []string{"recipe", "about", "data", "networks", "loss and penalties", "batch"},
		Words:  5,
		Remark: "recipe.Named(\"…\") makes one of them",
	}
	for _, r := range all {
		exp, is := r.Make().(gan.Experiment)
		if !is {
			t.Rows = append(t.Rows, rowOf(r))
			continue
		}
		objective := loss.Loss(loss.NonSaturating) // the default
		if exp.Loss != nil {
			objective = exp.Loss
		}
		objectives := []string{objective.String()}
		for _, p := range exp.Penalties {
			objectives = append(objectives, p.String())
		}
		batch := exp.BatchSize
		if batch == 0 {
			batch = 64
		}
		t.Rows = append(t.Rows, []string{r.Name, r.About, exp.Data.Name, networksOf(exp), strings.Join(objectives, ", "), fmt.Sprint(batch)})
	}
	return map[string]any{"text/plain": strings.TrimRight(t.String(), "\n"), "text/html": t.HTML()}
}

// rowOf is the row of a recipe that is no gan.Experiment: its objectives are functions without a name.
func rowOf(r Recipe) []string {
	game, err := r.Make().Game()
	if err != nil {
		return []string{r.Name, r.About, "", "", err.Error(), ""}
	}
	var networks []string
	for _, n := range game.Networks {
		networks = append(networks, n.Name)
	}
	return []string{r.Name, r.About, game.DataName(), strings.Join(networks, ", "), "objectives of its own", fmt.Sprint(game.BatchSize)}
}

// networksOf names the functions of an experiment's networks: "net.MLPGenerator, net.MLPCritic", or "net.DCGAN" where they are
// methods of one type.
func networksOf(exp gan.Experiment) string {
	generator, critic := nameOf(exp.Generator), nameOf(exp.Critic)
	if exp.View.ClassGenerator != nil {
		generator = nameOf(exp.View.ClassGenerator)
	}
	if exp.View.ClassCritic != nil {
		critic = nameOf(exp.View.ClassCritic)
	}
	if of, is := strings.CutSuffix(generator, ".Generator"); is && critic == of+".Critic" {
		return of
	}
	return generator + ", " + critic
}

// nameOf is the name of a network's function: "net.MLPGenerator". One without a name of its own is called by where it is made.
func nameOf(network any) string {
	v := reflect.ValueOf(network)
	if v.IsNil() {
		return ""
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	name = strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], "-fm") // of a method's value
	if at := strings.Index(name, ".func"); at > 0 {
		name = name[:at]
	}
	return name
}
