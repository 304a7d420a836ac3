package recipe_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
)

// TestKept wants every recipe again after a notebook has kept it, and one of a notebook's own refused.
func TestKept(t *testing.T) {
	for _, r := range append(recipe.All(), recipe.Recipe{}) {
		if got := gantest.Again(t, r); got.Name != r.Name || got.About != r.About || (got.Make == nil) != (r.Make == nil) {
			t.Errorf("%q became %q", r.Name, got.Name)
		}
	}
	if _, err := (recipe.Recipe{Name: "own", Make: recipe.All()[0].Make}).Kept(); err == nil || !strings.Contains(err.Error(), "own") {
		t.Errorf("a recipe that is in no list is kept: %v", err)
	}
}

// TestKeepable wants every function in an experiment to be one that a notebook can keep by name: an exported function, or an
// exported method of an exported type, so that the program of a later cell can name it too.
func TestKeepable(t *testing.T) {
	for _, r := range recipe.All() {
		of := r.Make()
		if exp, is := of.(gan.Experiment); is {
			keepable(t, r.Name+"'s data", reflect.ValueOf(exp.Data.Load))
		}
		if reflect.TypeOf(of).Kind() != reflect.Struct {
			continue
		}
		if _, is := of.(method.Game); is { // whose objectives are functions
			continue
		}
		for field, value := range reflect.ValueOf(of).Fields() {
			if value.Kind() == reflect.Func && !value.IsNil() {
				keepable(t, fmt.Sprint(r.Name, "'s ", field.Name), value)
			}
		}
	}
}

func keepable(t *testing.T, what string, f reflect.Value) {
	t.Helper()
	name := runtime.FuncForPC(f.Pointer()).Name() // path/package.Function, path/package.Type.Method-fm or path/package.(*Type).Method-fm
	_, inPackage, _ := strings.Cut(name[strings.LastIndex(name, "/")+1:], ".")
	parts := strings.Split(strings.NewReplacer("(*", "", ")", "").Replace(strings.TrimSuffix(inPackage, "-fm")), ".")
	for _, part := range parts {
		if part[0] < 'A' || part[0] > 'Z' || len(parts) > 2 || len(parts) == 2 && !strings.HasSuffix(name, "-fm") {
			t.Errorf("%s is %s, which no other program can name", what, name)
			return
		}
	}
}

// BenchmarkKept keeps a trainer and makes it again, on a backend that is open, with its step in the compile cache.
func BenchmarkKept(b *testing.B) {
	for _, name := range []string{"mlp", "dcgan"} {
		trainer := warmTrainer(b, name)
		var standIn any
		b.Run(name+"/kept", func(b *testing.B) {
			for b.Loop() {
				var err error
				if standIn, err = trainer.Kept(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/restored", func(b *testing.B) {
			for b.Loop() {
				if _, err := standIn.(interface{ Restored() (any, error) }).Restored(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/step", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				restored := gantest.Again[*train.Trainer](b, trainer)
				b.StartTimer()
				stepsPerSecond(b, restored, 1)
			}
		})
	}
}
