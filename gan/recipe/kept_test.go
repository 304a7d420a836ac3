package recipe_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"gantry.local/gan/gantest"
	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
)

// TestKeepable wants every function in an experiment to be one that a notebook can keep by name: an exported function, or an
// exported method of an exported type, so that the program of a later cell can name it too.
func TestKeepable(t *testing.T) {
	for _, r := range recipe.All() {
		exp := r.Make()
		for field, value := range reflect.ValueOf(exp).Fields() {
			if value.Kind() == reflect.Func && !value.IsNil() {
				keepable(t, fmt.Sprint(r.Name, "'s ", field.Name), value)
			}
		}
		keepable(t, r.Name+"'s data", reflect.ValueOf(exp.Data.Load))
		keepable(t, r.Name, reflect.ValueOf(r.Make))
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
