package train

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/table"
	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/sample"
)

// samplesShown is how many samples a trainer or generator shows.
const samplesShown = 20

// show is Trainer.ShowValue.
func show(t *Trainer) map[string]any {
	facts := table.Table{Title: "trainer of " + t.game.Name + " on " + t.game.Data[0].Name, Heads: []string{"", ""}, Words: 2}
	fact := func(name, value string) { facts.Rows = append(facts.Rows, []string{name, value}) }
	unusable := open(t, nil) // builds one that was kept
	if unusable == nil {
		unusable = t.failed
	}
	fact("step", fmt.Sprintf("%s, %.3g epochs", table.Count(t.place.step), float64(t.place.calls)/float64(max(1, t.StepsPerEpoch()))))
	if t.ground.Store != nil {
		var sizes []string
		for _, network := range namesOf(t.game) {
			sizes = append(sizes, fmt.Sprintf("%s of the %s", table.Count(trainedIn(t.ground.Store, "/"+network, false)), network))
		}
		fact("parameters", strings.Join(sizes, ", "))
	}
	settings := t.Settings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fact(name, fmt.Sprintf("%g", settings[name]))
	}
	if told, is := t.driver.(interface{ Fact() (name, value string) }); is {
		fact(told.Fact())
	}
	if t.place.good != "" {
		fact("checkpoint", t.place.good)
	}
	fact("backend", withoutFolders(t.backend.Description()))
	if unusable != nil {
		fact("failed", tracing.FirstLine(unusable.Error()))
	}
	if t.place.step == 0 || unusable != nil || t.sampler == nil {
		return factsWith(facts, sample.Images{})
	}
	samples, err := t.Sample(samplesShown, 0)
	if err != nil {
		fact("samples", tracing.FirstLine(err.Error()))
	}
	return factsWith(facts, samples)
}

// ShowValue shows the generator in a notebook: its size, and some samples.
func (g *Generator) ShowValue() map[string]any {
	facts := table.Table{Title: "generator of " + g.game.Name, Heads: []string{"", ""}, Words: 2}
	fact := func(name, value string) { facts.Rows = append(facts.Rows, []string{name, value}) }
	fact("z", fmt.Sprintf("%d components", g.Latent()))
	if classes := g.Classes(); classes > 0 {
		fact("classes", table.Count(classes))
	}
	fact("parameters", table.Count(trainedIn(g.store, g.scope, g.scope != "/"+g.game.Sampler.Network)))
	fact("backend", withoutFolders(g.backend.Description()))
	samples, err := g.Sample(samplesShown, 0)
	if err != nil {
		fact("samples", tracing.FirstLine(err.Error()))
	} else {
		fact("makes", table.Shape(samples.Height, samples.Width, samples.Channels))
	}
	return factsWith(facts, samples)
}

// withoutFolders takes the folders out of the paths in a text, such as that of a backend's plugin: they differ from machine to machine.
func withoutFolders(text string) string {
	return regexp.MustCompile(`/(?:[^/\s()]+/)+`).ReplaceAllString(text, "")
}

// trainedIn counts the numbers of a network. Averages of weights are no weights of their own, but count in a network of averages.
func trainedIn(store *model.Store, scope string, averaged bool) (n int) {
	for v := range store.IterVariables() {
		if strings.HasPrefix(v.Path(), scope+"/") && (v.Trainable || averaged) {
			n += v.Shape().Size()
		}
	}
	return n
}

// factsWith is a table with a picture of samples below it, where there is one.
func factsWith(facts table.Table, samples sample.Images) map[string]any {
	page := facts.HTML()
	if samples.N > 0 {
		if drawn, is := samples.ShowValue()["image/png"].([]byte); is {
			page += `<div><img alt="samples" src="data:image/png;base64,` + base64.StdEncoding.EncodeToString(drawn) + `"/></div>`
		}
	}
	return map[string]any{"text/plain": strings.TrimRight(facts.String(), "\n"), "text/html": page}
}
